// One case while it is read: opened from the server, kept there while it is drawn on, saved as a
// version of the reader, accepted. What is drawn lies on the server within KEEP_MS of the stroke:
// a tab that is closed, reloaded or killed loses nothing older, and two tabs keep an edit each.

import { askAccept, askDiscard, askReader } from './dialogs.js';
import * as labelmap from './labelmap.js';
import { hang } from './stack.js';

const { cornerstone } = window;

const KEEP_MS = 1000;
const RETRY_MS = 3000;
const READER = 'acsnet.reader'; // in the browser's storage: a name, and nothing of a patient
const CORE_SCAR = 4;
const MYOCARDIUM = 2;

export class Case {
  constructor({ services, displaySet, viewportId, notify, render }) {
    Object.assign(this, { services, displaySet, viewportId, notify, render });
    const query = new URLSearchParams(window.location.search);
    this.image = query.get('case') || displaySet.SeriesInstanceUID;
    this.address = `/acsnet/cases/${encodeURIComponent(this.image)}`;
    this.reader = '';
    this.login = '';
    this.shown = null; // the version that is on the screen, or that it began from
    this.changed = false; // since that version
    this.kept = true; // on the server
    this.tab = newTab(); // whose edit is on the screen
    this.revision = ''; // of the unsaved edit that is on the screen
    this.others = []; // unsaved edits of this reader that are not on the screen
    this.slices = []; // SOPInstanceUID of each, as the server counts them
    this.slice = 0; // on the screen, from 1
    this.busy = 'Opening';
    this.strokes = 0; // counts whatever changes what is drawn
    this.lost = ''; // why what is drawn is not on the server
    this.queue = Promise.resolve(); // requests that change something go one after another
    this.stop = [];
  }

  /** Open the newest label map, or what this reader had drawn and not saved. */
  async open() {
    this.reader = window.localStorage.getItem(READER) ?? '';
    let edit = await this.get();
    this.login = edit.login;
    if (this.login) {
      this.reader = this.login;
    } else if (!this.reader) {
      await this.ask();
      edit = await this.get();
    }
    this.slices = edit.slices;
    this.displaySet = await hang(this);
    await this.display(edit, this.strokes);
    this.stop.push(followSlices(this));
    this.stop.push(labelmap.watch(() => this.drawn()));
    const leaving = () => this.leave();
    window.addEventListener('pagehide', leaving);
    document.addEventListener('visibilitychange', leaving);
    this.stop.push(() => window.removeEventListener('pagehide', leaving));
    this.stop.push(() => document.removeEventListener('visibilitychange', leaving));
    if (edit.unsaved) {
      const at = new Date(edit.unsaved.kept).toLocaleTimeString();
      const other = edit.shown && edit.unsaved.version !== edit.shown.version;
      const base = other ? ' It started from a version that is no longer the newest.' : '';
      const more = this.others.length ? ' Another unsaved edit waits: "Other edit" shows it.' : '';
      const text = `It is not saved yet; it was last stored at ${at}.${base}${more}`;
      this.notify('Your edit was restored', text, 'info');
    }
  }

  /** Ask who reads; gives whether there is a name. */
  async ask() {
    this.reader = (await askReader(this.reader)) || this.reader;
    window.localStorage.setItem(READER, this.reader);
    this.render();
    return Boolean(this.reader);
  }

  /** Change the reader: what was drawn so far is that of the person before. */
  async changeReader() {
    await this.keep();
    const before = this.reader;
    if ((await this.ask()) && this.reader !== before) window.location.reload();
  }

  close() {
    this.leave();
    window.clearTimeout(this.timer);
    this.stop.forEach(stop => stop());
  }

  /** Show the answer of the server, asked for when there were so many strokes. */
  async display(edit, strokes) {
    this.unlessDrawn(strokes);
    const { services, displaySet, viewportId } = this;
    this.loading = true;
    if (!labelmap.exists()) {
      await labelmap.create({ services, displaySet, viewportId, labels: edit.labels });
    }
    const frames = edit.unsaved?.frames ?? edit.frames;
    labelmap.show(frames);
    const isScar = (number, at) => at % 2 === 0 && number === CORE_SCAR;
    const scar = Object.values(frames).some(runs => runs.some(isScar));
    services.segmentationService.setActiveSegment(
      labelmap.SEGMENTATION,
      scar ? CORE_SCAR : MYOCARDIUM
    );
    this.loading = false;
    this.strokes += 1; // earlier clicks were on something else
    const viewports = services.cornerstoneViewportService;
    this.zoomed ||= labelmap.zoomToHeart(viewports.getCornerstoneViewport(viewportId));
    this.shown = edit.shown;
    this.began(edit.unsaved ?? edit.shown);
    this.tab = newTab(); // the edit that was on the screen before stays on the server as it is
    this.revision = edit.unsaved?.revision ?? '';
    this.since = edit.unsaved?.kept ?? '';
    this.others = edit.others;
    this.changed = Boolean(edit.unsaved);
    this.kept = true;
    this.set('');
  }

  /** A voxel has changed. */
  drawn() {
    if (this.loading || !labelmap.exists()) return;
    this.strokes += 1;
    this.changed = true;
    this.kept = false;
    this.keepIn(KEEP_MS);
    this.render();
  }

  /** Bring what is drawn to the server, as the unsaved edit of the reader. */
  keep() {
    return this.inTurn(async () => {
      this.timer = undefined;
      if (!this.changed || this.kept) return;
      const { strokes } = this;
      try {
        const sent = this.request('PUT', this.drawing());
        const answer = await window.fetch(`${this.address}/edit`, sent);
        if (answer.status === 409) await this.clashed(await answer.json());
        else ({ revision: this.revision } = await answered(answer));
        this.kept = this.strokes === strokes;
        this.lost = '';
      } catch ({ message }) {
        const text = `${message.replace(/\.?$/, '.')} Trying again.`;
        if (this.lost !== message) this.notify('Your edit is not stored', text);
        this.lost = message;
      }
      if (!this.kept) this.keepIn(this.lost ? RETRY_MS : KEEP_MS);
      this.render();
    });
  }

  /** Another tab has drawn on: the server keeps what each of the two drew. */
  async clashed({ detail, revision }) {
    if (!revision) throw new Error(detail);
    this.revision = revision;
    const text = `${detail[0].toUpperCase()}${detail.slice(1)}. "Other edit" shows the other one.`;
    this.notify('Drawn on in another tab', text, 'warning');
    const edit = await this.get({ revision });
    this.since = edit.unsaved?.kept ?? '';
    this.others = edit.others;
  }

  /** Show another unsaved edit of this reader; the one on the screen stays kept. */
  async other() {
    const { strokes } = this;
    await this.keep();
    if (this.changed && !this.kept) return;
    await this.work('Opening', async () => {
      const older = this.others.find(({ kept }) => kept < this.since);
      const { revision } = older ?? this.others[0];
      await this.display(await this.get({ revision }), strokes);
    });
  }

  /** The tab goes, or is out of sight: what is not on the server yet is sent along. */
  leave() {
    if (!this.changed || this.kept || !labelmap.exists()) return;
    const options = this.request('PUT', this.drawing());
    window.fetch(`${this.address}/edit`, { ...options, keepalive: true }).catch(() => {});
  }

  /** Segment the scan anew and show the draft; what was drawn is saved first. */
  async run() {
    const { strokes } = this;
    if (this.changed && !(await this.save())) return;
    await this.work('Segmenting', async () => {
      const image = encodeURIComponent(this.image);
      const body = new URLSearchParams({ params: JSON.stringify({ client_id: this.reader }) });
      await answered(
        await window.fetch(`/infer/acsnet?image=${image}&output=json`, { method: 'POST', body })
      );
      await this.display(asSaved(await this.get({ tag: 'original' })), strokes);
    });
  }

  /** Save what is drawn as a version of the reader; gives whether it was saved. */
  save() {
    return this.work('Saving', async () => {
      const { strokes } = this;
      this.shown = await this.send('POST', '/edit', this.drawing());
      this.began(this.shown);
      this.revision = '';
      this.changed = this.strokes !== strokes;
      this.kept = !this.changed;
      if (this.changed) this.keepIn(KEEP_MS);
      this.tell('Saved', this.shown);
    });
  }

  /** Back to the version that the edit began from. */
  async discard() {
    if (!(await askDiscard())) return;
    const { strokes } = this;
    await this.work('Opening', async () => {
      const query = new URLSearchParams({ by: this.reader, revision: this.revision });
      if (this.revision) await this.send('DELETE', `/edit?${query}`);
      await this.display(asSaved(await this.get()), strokes);
    });
  }

  /** Accept the version on the screen, saved first where it was changed, and open the next case. */
  async accept() {
    if (!this.reader && !(await this.ask())) return;
    const { strokes, changed } = this;
    if (changed && !(await this.save())) return;
    if (!this.shown) {
      this.notify('Nothing to accept', 'Run the segmentation or draw first.');
      return;
    }
    await this.work('Accepting', async () => {
      this.unlessDrawn(strokes);
      const { warnings, remarks } = this.shown;
      let said = { comment: '', warnings_shown: [] };
      if (changed && remarks.length) {
        const yes = await askAccept(warnings);
        if (!yes) return;
        said = { ...yes, warnings_shown: warnings };
      }
      await this.accepted(said, strokes);
    });
  }

  async accepted({ comment, warnings_shown }, strokes) {
    this.unlessDrawn(strokes);
    const { version, saved } = this.shown;
    const body = { version, saved, by: this.reader, comment, warnings_shown, next: true };
    const answer = await window.fetch(`${this.address}/accept`, this.request('POST', body));
    if (answer.status === 409) {
      const { warnings = [], detail } = await answer.json();
      if (!warnings.length) throw new Error(detail);
      const yes = await askAccept(warnings);
      if (yes) await this.accepted({ ...yes, warnings_shown: warnings }, strokes);
      return;
    }
    const { page } = await answered(answer);
    const { pathname } = new URL(page, window.location.href);
    const [, next] = pathname.match(/^\/acsnet\/cases\/([^/]+)$/) ?? [];
    window.location.assign(next ? `/viewer/acsnet?case=${next}` : page);
  }

  // What follows is for the methods above.

  /** An answer never takes the place of what was drawn while it was waited for. */
  unlessDrawn(strokes) {
    if (this.strokes !== strokes) throw new Error('You drew meanwhile: click again.');
  }

  keepIn(ms) {
    this.timer ??= window.setTimeout(() => this.keep(), ms);
  }

  /** Note the version that what is drawn begins from, and when that was saved. */
  began(from) {
    this.base = { version: from?.version ?? '', saved: from?.saved ?? '' };
  }

  drawing() {
    const { base, reader: by, tab, revision } = this;
    return { frames: labelmap.frames(), ...base, by, tab, revision };
  }

  /** Throws where somebody else has logged in since the case was opened. */
  async get(wanted = {}) {
    const query = new URLSearchParams({ by: this.reader, ...wanted });
    const sent = this.request('GET');
    const edit = await answered(await window.fetch(`${this.address}/edit?${query}`, sent));
    if (this.login && edit.login !== this.login) {
      throw new Error(`opened by ${this.login}; you are ${edit.login}: open the case again`);
    }
    return edit;
  }

  async send(method, path, body) {
    return answered(await window.fetch(`${this.address}${path}`, this.request(method, body)));
  }

  request(method, body) {
    const headers = { Accept: 'application/json' };
    if (!body) return { method, headers };
    headers['Content-Type'] = 'application/json';
    return { method, headers, body: JSON.stringify(body) };
  }

  inTurn(task) {
    this.queue = this.queue.then(task, task);
    return this.queue;
  }

  /** One long thing at a time, with its name on the screen; gives whether it was done. */
  async work(name, task) {
    if (this.busy) return false;
    this.set(name);
    try {
      await this.inTurn(task);
      return true;
    } catch (error) {
      this.notify(`${name} failed`, error.message);
      return false;
    } finally {
      this.set('');
    }
  }

  tell(title, { author, state, warnings }) {
    const kind = warnings.length ? 'warning' : 'success';
    const text = [`A ${state} by ${author}.`, ...warnings.map(warning => `Warning: ${warning}.`)];
    this.notify(title, text.join(' '), kind);
  }

  set(busy) {
    this.busy = busy;
    this.render();
  }
}

/** Tell a case which of its slices is on the screen. */
function followSlices(open) {
  const viewport = open.services.cornerstoneViewportService.getCornerstoneViewport(open.viewportId);
  const changed = () => {
    const instance = cornerstone.metaData.get('instance', viewport.getCurrentImageId());
    open.slice = open.slices.indexOf(instance?.SOPInstanceUID) + 1;
    open.render();
  };
  changed();
  const name = cornerstone.Enums.Events.STACK_NEW_IMAGE;
  viewport.element.addEventListener(name, changed);
  return () => viewport.element.removeEventListener(name, changed);
}

/** An answer of the server as the label map that was saved; unsaved edits wait as others. */
function asSaved({ unsaved, others, ...edit }) {
  return { ...edit, unsaved: null, others: unsaved ? [unsaved, ...others] : others };
}

/** A name for this tab that no other has. */
function newTab() {
  return Array.from(window.crypto.getRandomValues(new Uint32Array(4)), String).join('-');
}

/** The JSON of an answer. Throws what the server says of a refusal. */
async function answered(answer) {
  if (answer.ok) return answer.json();
  let reason = `The server answered ${answer.status}.`;
  try {
    const { detail } = await answer.json();
    if (typeof detail === 'string') reason = detail;
  } catch {
    // no JSON: the number has to do
  }
  throw new Error(answer.status === 401 ? 'Log in again in another tab, then try again.' : reason);
}
