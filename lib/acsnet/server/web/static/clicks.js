// Correct by clicks on the slices of a case page: the wall goes where a reader clicks, as the server
// answers. Nothing is saved before the reader says so.
'use strict';
(() => {
  const tool = document.getElementById('clicks');
  const desk = document.getElementById('desk');
  if (!tool || !desk) return;
  const kind = document.getElementById('click-kind');
  const undo = document.getElementById('click-undo');
  const save = document.getElementById('click-save');
  const said = document.getElementById('click-said');
  const clicks = [];
  let slices = null; // of desk.js: what is shown, and how to draw it
  let busy = false;

  const reader = () => (document.querySelector('input[name="by"]') || { value: '' }).value;
  const say = (text) => { said.textContent = text; };
  const enable = () => {
    undo.disabled = busy || !clicks.length;
    save.disabled = busy || !clicks.length;
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

  const ask = async (saving) => {
    busy = true;
    enable();
    say(saving ? 'Saving…' : 'Moving…');
    try {
      const answer = await fetch(tool.dataset.address, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
        body: JSON.stringify({ clicks, start: tool.dataset.version, saved: tool.dataset.saved, user: reader(), save: saving }),
      });
      const told = await answer.json();
      if (!answer.ok) throw new Error(told.detail || `HTTP ${answer.status}`);
      if (saving) {
        window.location.assign(`${tool.dataset.case}?${new URLSearchParams({ version: told.saved.version })}`);
        return true;
      }
      slices.show(await unpack(told.label_map), told.clicks);
      const missed = told.clicks.filter((one) => !one.held).length;
      const burden = told.measurements.scar_burden_percent;
      const changed = told.changed_slices.length ? `slices ${told.changed_slices.join(', ')} changed` : 'nothing changed';
      say(`${clicks.length} clicks: ${changed}${missed ? `; ${missed} not fulfilled: no possible wall fulfils all of them` : ''}`
        + `${burden === null ? '' : `; scar burden ${burden.toFixed(1)} %`}. Not saved.`);
      return true;
    } catch (error) {
      say(`Not done: ${error.message}`);
      return false;
    } finally {
      busy = false;
      enable();
    }
  };

  desk.addEventListener('acsnet-slices', (event) => { slices = event.detail; });
  desk.addEventListener('acsnet-pixel', async (event) => {
    if (!kind.value || busy || !slices || !event.detail.pixel) return;
    const [row, column] = event.detail.pixel;
    clicks.push({ slice: event.detail.slice, row, column, kind: kind.value });
    if (!(await ask(false))) clicks.pop();
    enable();
  });
  undo.addEventListener('click', async () => {
    const last = clicks.pop();
    if (!(await ask(false))) clicks.push(last);
    enable();
  });
  save.addEventListener('click', () => ask(true));
  enable();
})();
