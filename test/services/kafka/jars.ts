import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { madeOnce } from '../made-once.js'
import { install } from '../packages.js'
import { servicesDir } from '../places.js'
import { ask, run } from '../run.js'

const pom = fileURLToPath(new URL('pom.xml', import.meta.url))

/** The folder with the jars of this version; fetched by Maven the first time. */
export async function kafkaJars(version: string): Promise<string> {
  const dir = join(servicesDir, 'jars', `kafka-${version}`)
  await needJava()
  await madeOnce(dir, async (partial) => {
    if (ask('mvn', '--version') === undefined) await install('Maven', ['maven'])
    const goal = ['dependency:copy-dependencies', '-DincludeScope=runtime', `-DoutputDirectory=${partial}`]
    await run('mvn', ['-q', '-B', '-f', pom, `-Dkafka.version=${version}`, ...goal], join(servicesDir, 'maven.log'))
  })
  return dir
}

async function needJava(): Promise<void> {
  if (javaMajor() >= 17) return
  await install('Java 17 or newer', ['openjdk-17-jre-headless', 'openjdk-21-jre-headless', 'default-jre-headless'])
  if (javaMajor() < 17) throw new Error('`java` is older than 17: put a newer one first on the PATH')
}

function javaMajor(): number {
  return Number(/version "(\d+)/.exec(ask('java', '-version') ?? '')?.[1] ?? 0)
}
