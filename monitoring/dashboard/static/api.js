// Asks /v1, with the reader's key where there is one, and turns refusals into words.

const STORED_KEY = "perennial-key";

export function key() {
  return sessionStorage.getItem(STORED_KEY) ?? "";
}

export function useKey(text) {
  if (text) sessionStorage.setItem(STORED_KEY, text);
  else sessionStorage.removeItem(STORED_KEY);
}

export class Refusal extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export async function get(path) {
  return (await ask(path, {})).json();
}

export async function post(path, body) {
  const options = { method: "POST" };
  if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers = { "Content-Type": "application/json" };
  }
  return (await ask(path, options)).json();
}

export async function getBlob(path) {
  return (await ask(path, {})).blob();
}

async function ask(path, options) {
  const headers = { ...options.headers };
  if (key()) headers.Authorization = `Bearer ${key()}`;
  let response;
  try {
    response = await fetch(path, { ...options, headers, signal: AbortSignal.timeout(10000) });
  } catch {
    throw new Refusal(0, "The server does not answer. Trying again every 2 seconds.");
  }
  if (!response.ok) throw new Refusal(response.status, await inWords(response));
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
