import { readCommand, usage } from './arguments.js'
import { huntBugs } from './hunt.js'
import { playMany } from './many.js'
import { playOne } from './one.js'
import { openScreen } from './screen.js'
import { openWorkshop } from './workshop.js'
import type { Output } from './screen.js'

/** Does what the words ask for. Answers the exit status: 0 if all held, 1 if something did not, 2 if nothing could be played. */
export async function run(words: readonly string[], output: Output, errors: Output): Promise<number> {
  if (words.length === 0) {
    output.write(usage)
    return 2
  }
  const workshop = openWorkshop()
  try {
    const command = readCommand(words)
    const screen = openScreen(output, command.json)
    switch (command.what) {
      case 'help':
        output.write(usage)
        return 0
      case 'one':
        return await playOne(command, workshop, screen)
      case 'many':
        return await playMany(command, workshop, screen)
      case 'planted':
        return await huntBugs(command, workshop, screen)
    }
  } catch (error) {
    errors.write(`simulate: ${error instanceof Error ? error.message : String(error)}\n`)
    return 2
  } finally {
    workshop.close()
  }
}
