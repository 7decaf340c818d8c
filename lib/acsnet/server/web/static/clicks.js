// Correct by clicks on the slices of a case page: the wall goes where a reader clicks, as the server
// answers. Nothing is saved before the reader says so, and nothing else is decided on meanwhile.
'use strict';
(() => {
  const tool = document.getElementById('clicks');
  const desk = document.getElementById('desk');
  if (!tool || !desk) return;
  const kind = document.getElementById('click-kind');
  const undo = document.getElementById('click-undo');
  const save = document.getElementById('click-save');
  const again = document.getElementById('click-again');
  const said = document.getElementById('click-said');
  const form = document.getElementById('decide');
  const clicks = []; // on the screen, and not saved
  let kept = ''; // what the server calls the label map that they started from
  let before = null; // what this reader clicked here before the page was opened
  const opened = tool.dataset.version; // whose measures are on the page
  let slices = null; // of desk.js: what is shown, and how to draw it
  let busy = false;
  let passedOver = ''; // what to say of what was clicked or pressed while an answer was waited for

  const reader = () => (document.querySelector('input[name="by"]') || { value: '' }).value;
  const say = (text) => { said.textContent = text; };
  const counted = (count, words) => `${count} ${words}${count === 1 ? '' : 's'}`;
  const KEPT = 'your clicks are kept here';
  const named = (value) => [...kind.options].find((option) => option.value === value).text;
  const enable = () => {
    undo.disabled = save.disabled = !busy && !clicks.length;
    document.body.classList.toggle('unsaved', clicks.length > 0 || tool.dataset.version !== opened);
  };

  // Whether an answer is waited for; the reader is told that what was done meanwhile was not taken.
  const waits = (deed) => {
    if (!busy) return false;
    passedOver = ` What you ${deed}ed meanwhile was not taken: ${deed} it again.`;
    say(`Wait for the answer, then ${deed} again.`);
    return true;
  };

  // The label map of an answer, slices in file order and rows and columns as acquired, put where
  // the slices show it.
  const unpack = async ({ shape: [, rows, columns], data }) => {
    const packed = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('deflate'));
    const values = new Uint8Array(await new Response(stream).arrayBuffer());
    const { scan, toAcquired } = slices;
    const size = scan.rows * scan.columns;
    const out = new Uint8Array(size * scan.slices);
    scan.numbers.forEach((number, k) => {
      const first = (number - 1) * rows * columns;
      for (let r = 0; r < scan.rows; r++) for (let c = 0; c < scan.columns; c++) {
        const [row, column] = toAcquired(r, c);
        out[k * size + r * scan.columns + c] = values[first + row * columns + column];
      }
    });
    return out;
  };

  // The JSON of an answer about clicks. Throws the reason why there is none.
  const request = async (address, options) => {
    const headers = { 'Content-Type': 'application/json', Accept: 'application/json' };
    const answer = await fetch(address, { headers, ...options })
      .catch(() => { throw new Error('the server cannot be reached'); });
    if (answer.status === 401) throw new Error('log in again in another tab');
    const told = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Error(told.detail || `HTTP ${answer.status}`);
    return told;
  };

  // Send all clicks, and hand on the answer; gives whether that was done. left: what is kept if not.
  const ask = async (doing, left, { saving = false, then }) => {
    busy = true;
    enable();
    say(doing);
    try {
      const { version, saved } = tool.dataset;
      const body = { clicks, start: version, saved, kept, user: reader(), save: saving };
      await then(await request(tool.dataset.address, { method: 'POST', body: JSON.stringify(body) }));
      again.hidden = true;
      return true;
    } catch (error) {
      say(`Not done: ${error.message}; ${left}.`);
      return false;
    } finally {
      said.append(passedOver);
      busy = false;
      passedOver = '';
      enable();
    }
  };

  const move = (left) => ask('Moving…', left, { then: async (told) => {
    kept = clicks.length ? told.kept : '';
    slices.show((!clicks.length && slices.shown) || await unpack(told.label_map), told.clicks);
    const missed = told.clicks.filter((one) => !one.held).map((one) => `${named(one.kind)} in slice ${one.slice}`).join(', ');
    const burden = told.measurements.scar_burden_percent;
    const changed = told.changed_slices.length ? `slices ${told.changed_slices.join(', ')} changed` : 'nothing changed';
    say(`${counted(clicks.length, 'click')}: ${changed}${missed ? `; not fulfilled: ${missed}, as no possible wall fulfils all of them` : ''}`
      + `${burden === null ? '' : `; scar burden ${burden.toFixed(1)} %`}.${clicks.length ? ' Not saved.' : ''}`);
  } });

  // From now on what is on the screen is the version that was saved, and the next click starts from it.
  const startFrom = async (version, label_map) => {
    clicks.length = 0;
    kept = '';
    Object.assign(tool.dataset, { version, saved: '' });
    if (form) {
      form.elements.version.value = version;
      form.elements.saved.value = '';
    }
    slices.shown = await unpack(label_map);
    slices.show(slices.shown, []);
    say('Saved.');
  };
  const keep = async (then) => {
    if (!reader().trim()) {
      document.querySelector('#decide [name="by"], form.fields [name="by"]').focus(); // others are folded away
      say('Enter your name as reader, then save again.');
      return false;
    }
    return ask('Saving…', KEPT, { saving: true, then: async ({ saved, label_map }) => {
      await startFrom(saved.version, label_map);
      then(saved);
    } });
  };
  const openSaved = ({ version }) => window.location.assign(`${tool.dataset.case}?${new URLSearchParams({ version })}`);
  const sentences = ({ remarks }) => remarks.map((text) => `${text[0].toUpperCase()}${text.slice(1)}.`).join(' ');

  // ---- what this reader clicked before, as the server has kept it ---------------------------
  const offer = async () => {
    if (!reader()) return; // nobody's clicks may be anybody's
    const query = new URLSearchParams({ user: reader() });
    const told = await request(`${tool.dataset.address}?${query}`).catch(() => ({ clicks: [] }));
    const kinds = [...kind.options].map((option) => option.value);
    // What was clicked in a viewer is gone on with there, and what began on another label map on that
    // one. The networks' draft of a folder has no version, and that of a PACS another when drawn anew.
    const { source, version } = told.started_from || {};
    const began = source === 'draft' && tool.dataset.tag === 'original'
      || source !== 'sent' && (version || 'original') === tool.dataset.version;
    const here = began && told.clicks.every((one) => kinds.includes(one.kind));
    if (!told.clicks.length || !here || clicks.length) return;
    before = told;
    again.textContent = `Go on with your ${counted(told.clicks.length, 'unsaved click')}`;
    again.title = 'A new click begins anew';
    again.hidden = false;
  };
  again.addEventListener('click', async () => {
    if (waits('press') || clicks.length) return;
    clicks.push(...before.clicks);
    kept = before.kept;
    if (!(await move('your clicks are kept on the server'))) { clicks.length = 0; kept = ''; }
    enable();
  });

  desk.addEventListener('acsnet-slices', (event) => { slices = event.detail; offer(); });
  desk.addEventListener('acsnet-pixel', async (event) => {
    if (!kind.value || !slices || !event.detail.pixel) return;
    if (waits('click')) return;
    const [row, column] = event.detail.pixel;
    const left = clicks.length ? 'this click is not kept, those before it are' : 'this click is not kept';
    clicks.push({ slice: event.detail.slice, row, column, kind: kind.value });
    if (!(await move(left))) clicks.pop();
    enable();
  });
  undo.addEventListener('click', async () => {
    if (waits('press')) return;
    const last = clicks.pop();
    if (!(await move(KEPT))) clicks.push(last);
    enable();
  });
  save.addEventListener('click', () => waits('press') || keep((saved) => {
    if (saved.remarks.length) window.alert(`Saved. ${sentences(saved)}`);
    openSaved(saved);
  }));

  // ---- nothing is decided on but what is on the screen -------------------------------------
  document.addEventListener('submit', async (event) => {
    if (event.target.method !== 'post' || !(busy || clicks.length)) return;
    event.preventDefault();
    event.stopPropagation();
    if (waits('press')) return;
    const { submitter } = event;
    if (submitter && submitter.id === 'accept') {
      let outcome = null;
      if (!(await keep((saved) => { outcome = saved; }))) return;
      const goesOn = !outcome.remarks.length || window.confirm(`Saved. ${sentences(outcome)} Accept yours now?`);
      if (goesOn) form.requestSubmit(submitter);
      else openSaved(outcome);
    } else {
      say('Save or undo your clicks first.');
      said.scrollIntoView({ block: 'nearest' });
    }
  }, true);
  window.addEventListener('beforeunload', (event) => { if (clicks.length) event.preventDefault(); });
  enable();
})();
