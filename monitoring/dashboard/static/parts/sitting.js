// The questions as one person goes through them: what was answered can be answered again.

export class Sitting {
  constructor() {
    // {id, answer}; the answer is what was sent, or null.
    this.seen = [];
    // The place among those seen; past the last one where nothing is asked.
    this.position = 0;
    this.waiting = [];
  }

  get current() {
    return this.seen[this.position] ?? null;
  }

  // The one to load beforehand.
  get next() {
    return this.seen[this.position + 1]?.id ?? this.waiting[0] ?? null;
  }

  get canUndo() {
    return this.#lastAnswered() >= 0;
  }

  // Takes in what the server asks now, in its order. The one that is being looked at stays.
  update(ids) {
    const [current, open] = [this.current, new Set(ids)];
    this.seen = this.seen.filter((each) => each === current || each.answer || open.has(each.id));
    const known = new Set(this.seen.map(({ id }) => id));
    this.waiting = ids.filter((id) => !known.has(id));
    this.position = current ? this.seen.indexOf(current) : this.seen.length;
    this.#takeNext();
  }

  answered(question, answer) {
    question.answer = answer;
    if (question === this.current) this.#moveTo(this.#firstOpen(this.position));
  }

  // What the server no longer knows.
  drop(question) {
    this.seen = this.seen.filter((each) => each !== question);
    this.#moveTo(Math.min(this.position, this.seen.length));
  }

  back() {
    this.#moveTo(Math.max(0, this.position - 1));
  }

  forward() {
    this.#moveTo(Math.min(this.seen.length, this.position + 1));
  }

  undo() {
    const place = this.#lastAnswered();
    if (place >= 0) this.#moveTo(place);
  }

  #lastAnswered() {
    return this.seen.findLastIndex(({ answer }, place) => place < this.position && answer);
  }

  #firstOpen(from) {
    const place = this.seen.findIndex(({ answer }, index) => index >= from && !answer);
    return place < 0 ? this.seen.length : place;
  }

  #moveTo(place) {
    this.position = place;
    this.#takeNext();
  }

  #takeNext() {
    if (this.position < this.seen.length) return;
    if (this.waiting.length) this.seen.push({ id: this.waiting.shift(), answer: null });
    // Those that were passed over come again at the end.
    else this.position = this.#firstOpen(0);
  }
}
