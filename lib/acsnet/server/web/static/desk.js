// The slices of a case page: drawing, keys, mouse and touch. Everything else works without it.
'use strict';
(() => {
  const desk = document.getElementById('desk');
  const form = document.getElementById('decide');
  const say = (text) => { const line = document.getElementById('said'); if (line) line.textContent = text; };
  let unseen = 'Wait until the label map is on the screen, then accept it.'; // else empty

  // ---- decisions --------------------------------------------------------------------------
  const press = (id) => {
    const target = document.getElementById(id);
    if (target) target.click();
    return Boolean(target);
  };
  if (form) {
    const comment = form.elements.comment;
    const accept = document.getElementById('accept');
    if (accept) accept.addEventListener('click', (event) => {
      if (!unseen) return;
      event.preventDefault();
      say(unseen);
    });
    const reject = document.getElementById('reject');
    if (reject) reject.addEventListener('click', (event) => {
      if (comment.value.trim()) return;
      event.preventDefault();
      comment.focus();
      say('Enter the reason as comment, then reject again.');
    });
    form.addEventListener('keydown', (event) => {
      if (event.key === 'Enter' && event.target.name === 'by') { event.preventDefault(); event.target.blur(); }
      if (event.key === 'Escape') event.target.blur();
    });
  }
  const help = document.getElementById('help');
  const KEYS = {
    a: () => press('accept'), c: () => press('correct'), r: () => press('reject'), n: () => press('next'),
    s: () => press('segment'), l: () => press('list'), u: () => press('click-undo'), v: () => press('click-save'),
    '?': () => { if (help) help.open ? help.close() : help.showModal(); return Boolean(help); },
  };
  const keys = document.getElementById('keys');
  if (keys) keys.addEventListener('click', () => KEYS['?']());

  // ---- data -------------------------------------------------------------------------------
  const fetched = new Map(); // address -> voxels: in memory only, gone with the page
  const voxels = (address, Type) => {
    if (!fetched.has(address)) fetched.set(address, (async () => {
      const answer = await fetch(address, { headers: { Accept: 'application/octet-stream, application/json' } })
        .catch(() => { throw new Error('the server cannot be reached'); });
      if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).detail || `HTTP ${answer.status}`);
      const bytes = await answer.arrayBuffer();
      const end = new Uint8Array(bytes).indexOf(10);
      const about = JSON.parse(new TextDecoder().decode(bytes.slice(0, end)));
      return { ...about, data: new Type(bytes, end + 1) };
    })());
    return fetched.get(address);
  };

  const start = async () => {
    const stage = document.getElementById('stage');
    const canvas = document.getElementById('slice');
    const pen = canvas.getContext('2d');
    const tiles = document.getElementById('tiles');
    const controls = Object.fromEntries(['shown', 'opacity', 'style', 'reset', 'insertion', 'remote', 'before', 'after', 'zoom']
      .map((name) => [name, document.getElementById(`tool-${name}`)]));
    const colours = JSON.parse(desk.dataset.colours); // value -> [red, green, blue]
    const GREY_ZONE = 3; // dashed, as in the reports: its colour alone tells it from core scar
    let scan;
    try {
      scan = await voxels(desk.dataset.scan, Uint16Array);
    } catch (error) {
      unseen = `The slices cannot be shown: ${error.message}`;
      document.getElementById('where').textContent = unseen;
      return;
    }
    const size = scan.rows * scan.columns;
    const whole = { top: 0, left: 0, rows: scan.rows, columns: scan.columns };
    const state = { slice: Math.floor(scan.slices / 2), window: [...scan.window], marks: {}, clicks: [], heart: whole, cursor: null };
    const crop = () => (controls.zoom.checked ? state.heart : whole);
    const FIELDS = { insertion: 'rv_insertion', remote: 'remote_region' };
    for (const [kind, id] of Object.entries(FIELDS)) {
      const field = document.getElementById(id);
      state.marks[kind] = field && field.value ? JSON.parse(field.value) : {};
    }
    const maps = [null, null];

    const plane = (map, k) => map.data.subarray(k * size, (k + 1) * size);
    const grey = (k) => {
      const image = new ImageData(scan.columns, scan.rows);
      const [low, high] = state.window;
      const pixels = plane(scan, k);
      for (let i = 0; i < size; i++) {
        const value = 255 * (pixels[i] - low) / Math.max(high - low, 1);
        image.data[4 * i] = image.data[4 * i + 1] = image.data[4 * i + 2] = value; // clamped by its type
        image.data[4 * i + 3] = 255;
      }
      return image;
    };
    const filled = (k, opacity) => {
      const image = new ImageData(scan.columns, scan.rows);
      const values = plane(maps[0], k);
      for (let i = 0; i < size; i++) {
        if (!values[i]) continue;
        const [red, green, blue] = colours[values[i]] || [255, 255, 255];
        image.data.set([red, green, blue, 255 * opacity], 4 * i);
      }
      return image;
    };
    // Edges between pixels of different value, as lines on the screen; of one value dashed.
    const outline = (map, k, place, paint, dashed) => {
      const values = plane(map, k);
      const at = (r, c) => (r < 0 || c < 0 || r >= scan.rows || c >= scan.columns ? 0 : values[r * scan.columns + c]);
      const paths = new Map();
      const line = (value, ...ends) => {
        if (!paths.has(value)) paths.set(value, new Path2D());
        const path = paths.get(value);
        path.moveTo(place.left + ends[0] * place.across, place.top + ends[1] * place.down);
        path.lineTo(place.left + ends[2] * place.across, place.top + ends[3] * place.down);
      };
      for (let r = 0; r <= scan.rows; r++) for (let c = 0; c <= scan.columns; c++) {
        const here = at(r, c);
        if (here !== at(r - 1, c)) line(Math.max(here, at(r - 1, c)), c, r, c + 1, r);
        if (here !== at(r, c - 1)) line(Math.max(here, at(r, c - 1)), c, r, c, r + 1);
      }
      for (const [value, path] of [...paths].sort((a, b) => a[0] - b[0])) {
        pen.strokeStyle = paint(value);
        pen.setLineDash(value === dashed ? [0.6 * place.across, 0.4 * place.across] : []);
        pen.stroke(path);
      }
      pen.setLineDash([]);
    };
    const scratch = document.createElement('canvas');
    const put = (target, image, place, smooth) => {
      scratch.width = scan.columns; scratch.height = scan.rows;
      scratch.getContext('2d').putImageData(image, 0, 0);
      target.imageSmoothingEnabled = smooth;
      target.drawImage(scratch, place.left, place.top, place.across * scan.columns, place.down * scan.rows);
    };
    const fit = (width, height, box) => {
      const [rowMm, columnMm] = scan.spacing_mm;
      const scale = Math.min(width / (box.columns * columnMm), height / (box.rows * rowMm));
      const place = { across: scale * columnMm, down: scale * rowMm };
      place.left = width / 2 - place.across * (box.left + box.columns / 2);
      place.top = height / 2 - place.down * (box.top + box.rows / 2);
      return place;
    };
    // What is drawn in any slice, and 30 mm around it.
    const around = (map) => {
      const margin = scan.spacing_mm.map((step) => Math.round(30 / step));
      let [top, left, bottom, right] = [Infinity, Infinity, -1, -1];
      map.data.forEach((value, i) => {
        if (!value) return;
        const r = Math.floor((i % size) / scan.columns), c = i % scan.columns;
        top = Math.min(top, r); bottom = Math.max(bottom, r); left = Math.min(left, c); right = Math.max(right, c);
      });
      if (bottom < 0) return whole;
      top = Math.max(top - margin[0], 0); left = Math.max(left - margin[1], 0);
      return { top, left, rows: Math.min(bottom + margin[0] + 1, scan.rows) - top, columns: Math.min(right + margin[1] + 1, scan.columns) - left };
    };
    let place;
    const draw = () => {
      const ratio = window.devicePixelRatio || 1;
      const box = stage.getBoundingClientRect();
      canvas.width = Math.round(box.width * ratio); canvas.height = Math.round(box.height * ratio);
      place = fit(canvas.width, canvas.height, crop());
      pen.clearRect(0, 0, canvas.width, canvas.height);
      put(pen, grey(state.slice), place, true);
      const opacity = Number(controls.opacity.value) / 100;
      if (controls.shown.checked) {
        pen.lineWidth = Math.max(1.5 * ratio, 1);
        pen.globalAlpha = opacity;
        if (maps[1]) {
          // The first is wider: where both run along the same pixels, each is seen.
          pen.lineWidth *= 3;
          outline(maps[0], state.slice, place, () => '#56b4e9');
          pen.lineWidth /= 3;
          outline(maps[1], state.slice, place, () => '#e69f00');
        } else if (maps[0]) {
          if (controls.style.value === 'fill') put(pen, filled(state.slice, 0.6), place, false);
          outline(maps[0], state.slice, place, (value) => `rgb(${colours[value] || [255, 255, 255]})`, GREY_ZONE);
        }
        pen.globalAlpha = 1;
      }
      const number = scan.numbers[state.slice], { insertion, remote } = state.marks;
      if (insertion[number]) cross(insertion[number], ratio);
      if (remote[number]) disc(remote[number], ratio);
      for (const one of state.clicks) if (one.slice === number) cross([one.row, one.column], ratio, one.held ? '#fff' : '#f0f');
      if (state.cursor) aim(ratio);
      const [low, high] = state.window;
      const about = `slice ${number} of ${scan.slices}`;
      document.getElementById('where').textContent = about;
      document.getElementById('window').textContent = `window ${Math.round((high - low) * scan.step)}, level ${Math.round(scan.low + (low + high) / 2 * scan.step)}`;
      stage.setAttribute('aria-valuenow', state.slice + 1);
      stage.setAttribute('aria-valuetext', about);
      [...tiles.children].forEach((tile, k) => { tile.setAttribute('aria-pressed', k === state.slice); });
    };
    // Where a pixel of the input lies on the screen, and back.
    const [exchanged, rowsReversed, columnsReversed] = scan.view;
    const toScreen = ([row, column]) => {
      let [r, c] = exchanged ? [column, row] : [row, column];
      [r, c] = [rowsReversed ? scan.rows - 1 - r : r, columnsReversed ? scan.columns - 1 - c : c];
      return [place.left + (c + 0.5) * place.across, place.top + (r + 0.5) * place.down];
    };
    const toInput = (x, y) => {
      const r = Math.floor((y - place.top) / place.down), c = Math.floor((x - place.left) / place.across);
      return r < 0 || c < 0 || r >= scan.rows || c >= scan.columns ? null : toAcquired(r, c);
    };
    const toAcquired = (r, c) => {
      const [row, column] = [rowsReversed ? scan.rows - 1 - r : r, columnsReversed ? scan.columns - 1 - c : c];
      return exchanged ? [column, row] : [row, column];
    };
    const cross = (point, ratio, colour = '#00e5ff') => {
      const [x, y] = toScreen(point), arm = 9 * ratio;
      pen.strokeStyle = colour; pen.lineWidth = 2 * ratio;
      pen.beginPath(); pen.moveTo(x - arm, y); pen.lineTo(x + arm, y); pen.moveTo(x, y - arm); pen.lineTo(x, y + arm); pen.stroke();
    };
    const disc = (point, ratio) => { // the remote region, before it is cut to the wall
      const [x, y] = toScreen(point), radius = Number(desk.dataset.disc);
      pen.strokeStyle = '#00e5ff'; pen.lineWidth = 2 * ratio;
      pen.beginPath(); pen.ellipse(x, y, radius / scan.spacing_mm[1] * place.across, radius / scan.spacing_mm[0] * place.down, 0, 0, 2 * Math.PI); pen.stroke();
    };
    // The cursor of the keyboard: a ring round a pixel as it is shown.
    const aim = (ratio) => {
      const [x, y] = toScreen(toAcquired(...state.cursor));
      pen.strokeStyle = '#ffd24a'; pen.lineWidth = 2 * ratio;
      pen.beginPath(); pen.arc(x, y, 7 * ratio, 0, 2 * Math.PI); pen.stroke();
    };
    const steer = (down, across) => {
      const box = crop();
      const [row, column] = state.cursor || [box.top + Math.floor(box.rows / 2), box.left + Math.floor(box.columns / 2)];
      state.cursor = [Math.min(Math.max(row + down, 0), scan.rows - 1), Math.min(Math.max(column + across, 0), scan.columns - 1)];
      draw();
    };
    const go = (k) => {
      state.slice = Math.min(Math.max(k, 0), scan.slices - 1);
      draw();
      const tile = tiles.children[state.slice];
      if (tile) tiles.scrollLeft = tile.offsetLeft - tiles.clientWidth / 2 + tile.clientWidth / 2;
    };
    const widen = (factor) => {
      const [low, high] = state.window, centre = (low + high) / 2, half = Math.max((high - low) / 2 * factor, 1);
      state.window = [centre - half, centre + half]; draw();
    };
    const raise = (share) => {
      const step = share * (state.window[1] - state.window[0]);
      state.window = state.window.map((value) => value + step); draw();
    };

    // How many pixels of a slice two label maps give different values.
    const differing = (k) => {
      if (!maps[1]) return 0;
      const other = plane(maps[1], k);
      return plane(maps[0], k).reduce((count, value, i) => count + (value !== other[i]), 0);
    };

    // ---- tiles ----------------------------------------------------------------------------
    const fillTiles = () => {
      tiles.replaceChildren(...scan.numbers.map((number, k) => {
        const tile = document.createElement('button');
        tile.type = 'button'; tile.title = `slice ${number}`;
        const small = document.createElement('canvas');
        small.width = small.height = 112;
        const target = small.getContext('2d'), spot = fit(112, 112, state.heart);
        put(target, grey(k), spot, true);
        if (maps[0]) put(target, filled(k, 0.6), spot, false);
        const caption = document.createElement('span');
        caption.textContent = differing(k) ? `${number} \u2260` : number;
        tile.append(small, caption);
        tile.addEventListener('click', () => go(k));
        return tile;
      }));
      draw();
    };

    // ---- hands ----------------------------------------------------------------------------
    let held = null, moved = false;
    stage.addEventListener('wheel', (event) => { event.preventDefault(); go(state.slice + Math.sign(event.deltaY)); }, { passive: false });
    stage.addEventListener('pointerdown', (event) => {
      // A second finger ends it: two are neither a click nor a drag.
      held = event.isPrimary ? { x: event.clientX, y: event.clientY, window: [...state.window], slice: state.slice } : null;
      moved = false;
      stage.setPointerCapture(event.pointerId);
    });
    stage.addEventListener('pointermove', (event) => {
      if (!held) return;
      const across = event.clientX - held.x, down = event.clientY - held.y;
      if (Math.abs(across) + Math.abs(down) < 5 && !moved) return;
      moved = true;
      if (event.pointerType === 'touch') { go(held.slice + Math.round(down / 24)); return; }
      const [low, high] = held.window, width = high - low;
      const half = Math.max(width / 2 * (1 + across / 200), 1), centre = (low + high) / 2 + width * down / 300;
      state.window = [centre - half, centre + half];
      draw();
    });
    stage.addEventListener('pointerup', (event) => {
      if (held && !moved && !event.button) point(pixelOf(event));
      held = null;
    });
    stage.addEventListener('pointercancel', () => { held = null; });
    const pixelOf = (event) => {
      const box = canvas.getBoundingClientRect(), ratio = canvas.width / box.width;
      return toInput((event.clientX - box.left) * ratio, (event.clientY - box.top) * ratio);
    };
    // A pixel was pointed at: what is to be marked, or a click for clicks.js.
    const point = (pixel) => {
      const slice = scan.numbers[state.slice];
      const marked = Object.keys(FIELDS).find((name) => controls[name] && controls[name].checked);
      if (!marked) {
        desk.dispatchEvent(new CustomEvent('acsnet-pixel', { detail: { slice, pixel } }));
      } else if (pixel) {
        state.marks[marked][slice] = pixel;
        noted(marked);
        tell(`Marked in slice ${slice}, not saved yet.`);
      }
    };
    const tell = (text) => { const line = document.getElementById('click-said'); if (line) line.textContent = text; };
    const clickKind = document.getElementById('click-kind');
    const unmark = () => { for (const kind of Object.keys(FIELDS)) controls[kind].checked = false; };
    if (clickKind) clickKind.addEventListener('change', unmark); // what was chosen last counts
    const describe = (kind) => {
      const slices = Object.keys(state.marks[kind]);
      document.getElementById(`marked-${kind}`).textContent = slices.length ? `marked in slice ${slices.join(', ')}` : 'found automatically';
    };
    const noted = (kind) => {
      const isMarked = Object.keys(state.marks[kind]).length;
      document.getElementById(FIELDS[kind]).value = isMarked ? JSON.stringify(state.marks[kind]) : '';
      describe(kind);
      draw();
    };
    for (const kind of Object.keys(FIELDS)) {
      if (!controls[kind]) continue;
      describe(kind); // as the browser has it where it brought the page back
      document.getElementById(`clear-${kind}`).addEventListener('click', () => { state.marks[kind] = {}; noted(kind); });
      controls[kind].addEventListener('change', () => { // one click, one mark
        if (!controls[kind].checked) return;
        for (const other of Object.keys(FIELDS)) if (other !== kind) controls[other].checked = false;
        if (clickKind) clickKind.value = '';
        desk.scrollIntoView({ block: 'start' }); // where the click has to be
      });
    }
    controls.before.addEventListener('click', () => go(state.slice - 1));
    controls.after.addEventListener('click', () => go(state.slice + 1));
    controls.reset.addEventListener('click', () => { state.window = [...scan.window]; draw(); });
    for (const name of ['shown', 'opacity', 'style', 'zoom']) controls[name].addEventListener('input', draw);
    const opacity = (by) => { controls.opacity.value = Number(controls.opacity.value) + by; draw(); return true; };
    Object.assign(KEYS, {
      ShiftArrowUp: () => steer(-1, 0), ShiftArrowDown: () => steer(1, 0),
      ShiftArrowLeft: () => steer(0, -1), ShiftArrowRight: () => steer(0, 1),
      Enter: () => { if (!state.cursor) return false; point(toAcquired(...state.cursor)); return true; },
      k: () => {
        if (!clickKind) return false;
        clickKind.selectedIndex = (clickKind.selectedIndex + 1) % clickKind.options.length;
        unmark();
        tell(`Here is ${clickKind.options[clickKind.selectedIndex].text}.`);
        return true;
      },
      ArrowUp: () => go(state.slice - 1), ArrowLeft: () => go(state.slice - 1),
      ArrowDown: () => go(state.slice + 1), ArrowRight: () => go(state.slice + 1),
      Home: () => go(0), End: () => go(scan.slices - 1),
      o: () => { controls.shown.checked = !controls.shown.checked; draw(); },
      f: () => { controls.style.value = controls.style.value === 'fill' ? 'outline' : 'fill'; draw(); },
      z: () => { controls.zoom.checked = !controls.zoom.checked; draw(); },
      '[': () => opacity(-10), ']': () => opacity(10),
      '-': () => widen(1.15), '+': () => widen(1 / 1.15), '=': () => widen(1 / 1.15),
      ',': () => raise(0.05), '.': () => raise(-0.05), 0: () => controls.reset.click(),
    });
    stage.setAttribute('aria-valuemax', scan.slices);
    new ResizeObserver(draw).observe(stage);
    fillTiles();
    try {
      for (const [k, name] of [[0, 'labels'], [1, 'second']]) {
        if (desk.dataset[name]) maps[k] = await voxels(desk.dataset[name], Uint8Array);
      }
    } catch (error) {
      unseen = `The label map cannot be shown: ${error.message}`;
      say(unseen);
    }
    if (maps[0]) {
      unseen = '';
      state.heart = around(maps[0]);
      const drawn = [...Array(scan.slices).keys()].filter((k) => plane(maps[0], k).some(Boolean));
      if (drawn.length) state.slice = drawn[Math.floor(drawn.length / 2)];
      const most = Math.max(...drawn.map(differing));
      if (most > 0) state.slice = drawn.find((k) => differing(k) === most);
    }
    fillTiles();
    go(state.slice);
    const show = (data, clicks) => { maps[0] = { ...maps[0], data }; unseen = ''; state.clicks = clicks; fillTiles(); }; // of clicks.js
    desk.dispatchEvent(new CustomEvent('acsnet-slices', { detail: { scan, toAcquired, toScreen, show, shown: maps[0]?.data } }));
    desk.dataset.ready = 'yes';
  };

  const HELD = new Set(['[', ']', '-', '+', '=', ',', '.']); // and arrows: what a key that is held repeats
  document.addEventListener('keydown', (event) => {
    if (event.repeat && !event.key.startsWith('Arrow') && !HELD.has(event.key)) return;
    const typing = event.target.closest('input:not([type="checkbox"]):not([type="range"]), textarea, select');
    if (typing || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (event.target.type === 'range' && event.key.startsWith('Arrow')) return;
    if (help && help.open && event.key !== '?') return;
    if (event.key === 'Enter' && event.target.closest('a, button, summary')) return;
    const name = event.shiftKey && event.key.startsWith('Arrow') ? `Shift${event.key}` : event.key;
    const action = KEYS[name] || KEYS[name.toLowerCase()];
    if (action && action() !== false) event.preventDefault();
  });
  if (desk) start();
})();
