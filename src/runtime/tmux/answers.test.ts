import { expect, test } from 'vitest'
import { type Answer, createAnswerReader } from './answers.ts'

const reading = () => {
  const answers: Answer[] = []
  return { answers, read: createAnswerReader((answer) => answers.push(answer)) }
}

test('answers come in order, cut anywhere; notifications and answers to others are passed over', () => {
  const text = [
    '%begin 1 10 0',
    '%end 1 10 0',
    '%session-changed $0 keeper',
    '%begin 1 11 1',
    'one',
    '%output %1 x',
    '%end 1 11 9',
    '%end 1 11 1',
    '%begin 1 12 1',
    "can't find session: x",
    '%error 1 12 1',
    '%exit',
    '',
  ].join('\n')
  for (let size = 1; size < text.length; size++) {
    const { answers, read } = reading()
    for (let at = 0; at < text.length; at += size) read(text.slice(at, at + size))
    expect(answers).toEqual([
      { ok: true, lines: ['one', '%output %1 x', '%end 1 11 9'] },
      { ok: false, lines: ["can't find session: x"] },
    ])
  }
})
