// The token that a page sends: from the address it was opened with, or from the person.

const KEPT = "freshet.token";
const FOR_PROGRAMS = /scope (\w+): send it as .*$/;
const FOR_PERSONS = "scope $1. Paste a token; an operator makes one with 'freshet token add NAME --scope $1'.";

/** Take a token out of the address: what stands after # stays in the browser, but shows and is copied. */
function take() {
  const found = location.hash.match(/^#token=(.+)$/);
  if (!found) return;
  sessionStorage.setItem(KEPT, found[1]);
  history.replaceState(null, "", location.pathname + location.search);
}

/** Ask the server, with the token if there is one; one that is not valid any more is dropped. */
export async function ask(path, options = {}) {
  const token = sessionStorage.getItem(KEPT);
  const headers = { ...options.headers, ...(token ? { Authorization: `Bearer ${token}` } : {}) };
  const answer = await fetch(path, { ...options, headers, cache: "no-store" });
  if (answer.status !== 401 || !token) return answer;
  sessionStorage.removeItem(KEPT);
  const open = await ask(path, options);
  return open.status === 401 ? answer : open; // the first says what is wrong with the token
}

/** Whether an answer says that this page needs another token. */
export function refused(answer) {
  return answer.status === 401 || answer.status === 403;
}

let asking = null;

/** Ask the person for a token, saying why; done when there is one. Of two who ask, both get it. */
export function given(answer) {
  asking ??= fromPerson(answer).finally(() => { asking = null; });
  return asking;
}

async function fromPerson(answer) {
  const form = document.getElementById("token-form");
  const input = form.querySelector("input");
  const problem = await answer.json().catch(() => ({}));
  form.querySelector("p").textContent = (problem.detail ?? "").replace(FOR_PROGRAMS, FOR_PERSONS);
  form.hidden = false;
  input.focus(); // whoever asks may be further down the page
  await new Promise((done) => {
    form.onsubmit = (event) => {
      event.preventDefault();
      sessionStorage.setItem(KEPT, input.value);
      done();
    };
    addEventListener("hashchange", done, { once: true });
  });
  input.value = "";
  form.hidden = true;
}

take();
addEventListener("hashchange", take);
