import { describe, expect, test } from 'vitest'
import { readWords, usage } from '../../../cli/words.js'

const kafka = ['--kafka', 'localhost:9092']
const rabbitmq = ['--rabbitmq', 'amqp://localhost']
const redis = ['--redis', 'redis://localhost:6379']
const postgres = ['--postgres', 'postgres://localhost/shop']
const mysql = ['--mysql', 'mysql://root@localhost/shop']

const serversOf = (...words: string[]): unknown => {
  const read = readWords(['demo', ...words])
  return read.command === 'demo' ? read.options.servers : undefined
}

describe('the words of the demo', () => {
  test('without servers it is played in memory', () => {
    expect(readWords(['demo'])).toEqual({
      command: 'demo',
      options: { seed: 1, payments: 300, speed: 1, json: false, servers: undefined },
    })
    expect(readWords(['demo', '--seed', '7', '--payments', '50', '--speed', '0', '--json'])).toEqual({
      command: 'demo',
      options: { seed: 7, payments: 50, speed: 0, json: true, servers: undefined },
    })
  })

  for (const broker of [kafka, rabbitmq]) {
    for (const store of [redis, postgres, mysql]) {
      test(`${broker[0]} goes with ${store[0]}`, () => {
        const places = {
          broker: { option: broker[0]?.slice(2), at: broker[1] },
          store: { option: store[0]?.slice(2), at: store[1] },
        }
        expect(serversOf(...broker, ...store)).toEqual({ ...places, inbox: false })
        if (store !== redis) expect(serversOf(...store, '--inbox', ...broker)).toEqual({ ...places, inbox: true })
      })
    }
  }

  test.each([
    ['two brokers', [...kafka, ...rabbitmq, ...redis], /--kafka and --rabbitmq are two brokers.*leave one of them out/],
    ['two stores', [...kafka, ...redis, ...mysql], /--redis and --mysql are 2 stores.*leave the others out/],
    ['three stores', [...kafka, ...redis, ...postgres, ...mysql], /--redis, --postgres and --mysql are 3 stores/],
    ['a broker without a store', kafka, /^--kafka needs a store: add --redis URL, --postgres URL or --mysql URL$/],
    ['a broker without a database', [...rabbitmq, '--inbox'], /^--rabbitmq needs a store: add --postgres URL or --mysql URL$/],
    ['a store without a broker', postgres, /^--postgres needs a broker: add --kafka HOST:PORT or --rabbitmq URL$/],
    ['an inbox in nothing', ['--inbox'], /^--inbox needs a broker and a database: add/],
    ['an inbox in Redis', [...kafka, ...redis, '--inbox'], /^--inbox needs a database, .*--redis.*take --postgres URL or --mysql URL/],
    ['a URL for Kafka', ['--kafka', 'kafka://localhost', ...redis], /^--kafka must be HOST:PORT such as localhost:9092, and is kafka:/],
    ['no URL for RabbitMQ', ['--rabbitmq', 'localhost:5672', ...redis], /^--rabbitmq must be a URL such as amqp:.*and is localhost:5672$/],
    ['no URL for Redis', [...kafka, '--redis', ''], /^--redis must be a URL such as redis:.*and is empty$/],
    ['the wrong database', [...kafka, '--postgres', 'mysql://localhost/shop'], /^--postgres must be a URL such as postgres:/],
    ['no database in MySQL', [...kafka, '--mysql', 'mysql://localhost'], /^--mysql must name a database, such as mysql:/],
    ['a speed of servers', [...kafka, ...redis, '--speed', '2'], /^--speed is for the demo without servers: leave it out$/],
    ['too few payments', ['--payments', '9'], /^--payments must be a whole number of at least 10, and is 9$/],
    ['no seed', ['--seed', ''], /^--seed must be a whole number/],
    ['no speed', ['--speed', 'fast'], /^--speed must be a number of at least 0, and is fast$/],
    ['something else', ['now'], /^the demo takes no now$/],
    ['an unknown option', ['--nats', 'localhost'], /--nats/],
  ])('refuses %s', (_, words, message) => {
    expect(() => readWords(['demo', ...words])).toThrow(
      expect.objectContaining({ code: 'wrong-words', message: expect.stringMatching(message) as string }),
    )
  })

  test('refuses an unknown command, and shows help for none', () => {
    expect(() => readWords(['doctor'])).toThrow('there is no command doctor')
    expect(readWords([])).toEqual({ command: 'help', asked: false })
    expect(readWords(['--help'])).toEqual({ command: 'help', asked: true })
    expect(readWords(['--version'])).toEqual({ command: 'version' })
  })

  test('has a usage that fits a terminal, and names every option', () => {
    expect(usage.split('\n').filter((line) => line.length > 80)).toEqual([])
    for (const option of ['seed', 'payments', 'speed', 'json', 'kafka', 'rabbitmq', 'redis', 'postgres', 'mysql', 'inbox'])
      expect(usage).toContain(`--${option}`)
  })
})
