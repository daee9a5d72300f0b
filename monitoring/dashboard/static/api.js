// Asks /v1, with the reader's key where there is one, and turns refusals into words.

const STORED_KEY = "perennial-key";

// What was answered last, by address: {tag, body}. It is asked for again with its tag.
const answers = new Map();
const MAX_ANSWERS = 50;

export function key() {
  return sessionStorage.getItem(STORED_KEY) ?? "";
}

export function useKey(text) {
  if (text) sessionStorage.setItem(STORED_KEY, text);
  else sessionStorage.removeItem(STORED_KEY);
  answers.clear();
}

export class Refusal extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export async function get(path) {
  const known = answers.get(path);
  const response = await ask(path, { headers: known ? { "If-None-Match": known.tag } : {} });
  if (response.status === 304) return known.body;
  const body = await response.json();
  remember(path, response.headers.get("ETag"), body);
  return body;
}

// What a server may not have: an answer, or null. What is not there is asked for once.
const missing = new Set();
export async function getIfThere(path) {
  if (missing.has(path)) return null;
  try {
    return await get(path);
  } catch (refusal) {
    if (refusal.status !== 404) throw refusal;
    missing.add(path);
    return null;
  }
}

export async function post(path, body) {
  const options = { method: "POST" };
  if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers = { "Content-Type": "application/json" };
  }
  return (await ask(path, options)).json();
}

export async function postImage(path, file) {
  const form = new FormData();
  form.append("image", file);
  return (await ask(path, { method: "POST", body: form })).json();
}

export async function getBlob(path) {
  return (await ask(path, {})).blob();
}

function remember(path, tag, body) {
  if (!tag) return;
  answers.delete(path);
  answers.set(path, { tag, body });
  if (answers.size > MAX_ANSWERS) answers.delete(answers.keys().next().value);
}

async function ask(path, options) {
  const headers = { ...options.headers };
  if (key()) headers.Authorization = `Bearer ${key()}`;
  let response;
  try {
    response = await fetch(path, { ...options, headers, signal: AbortSignal.timeout(10000) });
  } catch {
    throw new Refusal(0, "The server does not answer. Trying again every 5 seconds.");
  }
  if (!response.ok && response.status !== 304) throw new Refusal(response.status, await inWords(response));
  return response;
}

async function inWords(response) {
  try {
    const { error } = await response.json();
    return `${error.message} ${error.remedy}`;
  } catch {
    return `The server answered ${response.status} ${response.statusText}.`;
  }
}
