import { DICTIONARY_ENTRIES, HEADER } from "./layout.ts";
import type { SessionRecords } from "./session_records.ts";

const ENTRY_WORDS = 8;

/**
 * Finds the entries of a table's dictionary of endpoints: VIPs, servers and SNAT addresses (port 0).
 * Not keyed: what stands in it comes from the configuration, not from packets.
 */
export class EndpointDictionary {
  readonly #header: Int32Array;
  readonly #words: Int32Array;
  readonly #places = new Uint16Array(DICTIONARY_ENTRIES * 2);
  readonly #mask = this.#places.length - 1;
  /** Entries below this one are indexed. */
  #indexed = 1;

  /** Indexes what is there. */
  constructor({ header, dictionary }: SessionRecords) {
    this.#header = header;
    this.#words = dictionary;
    this.#catchUp();
  }

  /** The entry of an endpoint, or 0. */
  find(words: Int32Array, offset: number, port: number): number {
    let at = hashOf(words, offset, port) & this.#mask;
    for (;;) {
      const entry = this.#places[at]!;
      if (entry === 0 || this.#is(entry, words, offset, port)) return entry;
      at = (at + 1) & this.#mask;
    }
  }

  /** The entry of an endpoint, made when it is new; 0 when the dictionary is full. */
  intern(words: Int32Array, offset: number, port: number): number {
    // Another packet worker may have taken the same configuration before.
    this.#catchUp();
    const known = this.find(words, offset, port);
    if (known !== 0) return known;
    const entry = this.#header[HEADER.dictionaryUsed]!;
    if (entry >= DICTIONARY_ENTRIES) return 0;
    const at = entry * ENTRY_WORDS;
    for (let i = 0; i < 4; i++) this.#words[at + i] = words[offset + i]!;
    this.#words[at + 4] = port;
    this.#header[HEADER.dictionaryUsed] = entry + 1;
    this.#catchUp();
    return entry;
  }

  #catchUp(): void {
    const used = this.#header[HEADER.dictionaryUsed]!;
    while (this.#indexed < used) this.#index(this.#indexed++);
  }

  #index(entry: number): void {
    const at = entry * ENTRY_WORDS;
    let place = hashOf(this.#words, at, this.#words[at + 4]!) & this.#mask;
    while (this.#places[place] !== 0) place = (place + 1) & this.#mask;
    this.#places[place] = entry;
  }

  #is(entry: number, words: Int32Array, offset: number, port: number): boolean {
    const at = entry * ENTRY_WORDS;
    const own = this.#words;
    return own[at + 3] === words[offset + 3] && own[at + 4] === port &&
      own[at + 2] === words[offset + 2] && own[at + 1] === words[offset + 1] &&
      own[at] === words[offset];
  }
}

function hashOf(words: Int32Array, offset: number, port: number): number {
  let hash = Math.imul(words[offset]! ^ (words[offset + 1]! << 7), 0x9e3779b1);
  hash = Math.imul(hash ^ words[offset + 2]!, 0x85ebca6b);
  hash = Math.imul(hash ^ words[offset + 3]!, 0xc2b2ae35);
  hash = Math.imul(hash ^ (hash >>> 15) ^ port, 0x27d4eb2f);
  return hash ^ (hash >>> 13);
}
