// The server's answers. Every fault becomes an ApiError with one line for a person.

/** A refusal, or silence: `status` is 0 when nothing answered. */
export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

const TURNS = 3; // times that a busy server is asked again, when it says
const SILENT = "The server does not answer. Is `breastseg serve` still running?";

function lineOf(status, text) {
  try {
    return JSON.parse(text).error ?? `The server said ${status}.`;
  } catch {
    return `The server said ${status}.`;
  }
}

async function request(method, path, body) {
  const headers = { "X-Breastseg": "1" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let response;
  for (let turn = 0; ; turn++) {
    try {
      response = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
    } catch {
      throw new ApiError(0, SILENT);
    }
    const again = Number(response.headers.get("Retry-After"));
    if (response.status !== 503 || !(again > 0) || turn === TURNS) break;
    await new Promise((resolve) => setTimeout(resolve, 1000 * again));
  }
  if (!response.ok) throw new ApiError(response.status, lineOf(response.status, await response.text()));
  return response;
}

const json = async (method, path, body) => (await request(method, path, body)).json();

export const gallery = () => json("GET", "/api/gallery");
export const slide = (id) => json("GET", `/api/entries/${id}`);
export const measures = (id) => json("GET", `/api/layers/${id}/measures`);
export const annotation = (id) => json("GET", `/api/entries/${id}/annotation`);
export const saveAnnotation = (id, body) => json("PUT", `/api/entries/${id}/annotation`, body);
export const jobs = () => json("GET", "/api/jobs");
export const startJob = (body) => json("POST", "/api/jobs", body);
export const cancelJob = (id) => json("DELETE", `/api/jobs/${id}`);
export const explain = (body) => json("POST", "/api/explanations", body);
export const films = () => json("GET", "/api/films");
export const film = (id) => json("GET", `/api/films/${id}`);
export const filmLine = (id) => json("GET", `/api/films/${id}/muscle`);
export const saveFilmLine = (id, body) => json("PUT", `/api/films/${id}/muscle`, body);
export const bytes = async (path) => (await request("GET", path)).arrayBuffer();
export const blob = async (path) => (await request("GET", path)).blob();

export const thumbnail = (entry) => `/api/entries/${entry.id}/thumbnail.jpg?v=${entry.version}`;
export const filmPicture = (film, name) => `/api/films/${film.id}/${name}?v=${film.version}`;
export const filmThumbnail = (film) => filmPicture(film, "thumbnail.jpg");
export const preview = (job) => `/api/jobs/${job}/preview.png`;
export const file = (layer, name) => `/api/layers/${layer}/files/${encodeURIComponent(name)}`;

/** Send a file into the folder; `progress` gets 0 to 1. */
export function upload(picked, progress) {
  return new Promise((resolve, reject) => {
    const sender = new XMLHttpRequest();
    sender.open("POST", `/api/uploads?name=${encodeURIComponent(picked.name)}`);
    sender.setRequestHeader("X-Breastseg", "1");
    sender.upload.addEventListener("progress", (event) => event.lengthComputable && progress(event.loaded / event.total));
    sender.addEventListener("load", () => {
      if (sender.status < 300) resolve(JSON.parse(sender.responseText));
      else reject(new ApiError(sender.status, lineOf(sender.status, sender.responseText)));
    });
    sender.addEventListener("error", () => reject(new ApiError(0, SILENT)));
    const form = new FormData();
    form.append("file", picked);
    sender.send(form);
  });
}
