// What all pages share: the reader's name, the way back to the list, forms that are sent once, and
// lists that are kept up to date. Everything works without it.
'use strict';
(() => {
  document.body.classList.add('scripted');
  const READER = 'acsnet.reader', LIST = 'acsnet.list';
  const recall = (store, name) => { try { return window[store].getItem(name) || ''; } catch { return ''; } };
  const keep = (store, name, value) => { try { window[store].setItem(name, value); } catch { /* asked again next time */ } };

  // ---- the reader's name, kept by this browser -------------------------------------------
  const remembered = recall('localStorage', READER);
  for (const field of document.querySelectorAll('input[name="by"]')) {
    if (!field.value) field.value = remembered;
    field.addEventListener('change', () => {
      keep('localStorage', READER, field.value);
      for (const other of document.querySelectorAll('input[name="by"]')) other.value = field.value;
    });
  }
  for (const link of document.querySelectorAll('a[data-next]')) {
    link.addEventListener('click', () => {
      const by = document.querySelector('input[name="by"]');
      const address = new URL(link.href);
      const reader = by ? by.value : remembered;
      if (reader) address.searchParams.set('by', reader);
      link.href = address;
    });
  }

  // ---- the work list, as this tab last asked for it ----------------------------------------
  const query = new URLSearchParams(window.location.search);
  const sent = query.has('before') || query.has('finished'); // by a decision, not by who reads
  if (document.querySelector('form[role="search"]') && !sent) keep('sessionStorage', LIST, window.location.search);
  const list = document.getElementById('list');
  if (list && list.pathname === '/acsnet/') list.href = `/acsnet/${recall('sessionStorage', LIST)}`;
  document.addEventListener('change', (event) => {
    if (event.target.id !== 'all') return;
    for (const box of document.querySelectorAll('input[name="image"]')) box.checked = event.target.checked;
  });

  // ---- what was typed and not sent ---------------------------------------------------------
  // Whether it would be lost with the page; the reader's name is not.
  const holds = (form) => [...form.elements].some((field) => (
    /^text/.test(field.type) && field.name !== 'by' && field.value !== field.defaultValue));
  // Save a form without leaving the page; gives why that cannot be done, and nothing where it was.
  const saved = async (form) => {
    const options = { method: 'POST', body: new URLSearchParams(new FormData(form)), headers: { Accept: 'application/json' } };
    const answer = await fetch(form.action, options).catch(() => null);
    if (!answer) return ['the server cannot be reached'];
    const said = await answer.json().catch(() => ({}));
    if (said.saved) {
      form.elements.saved.value = said.saved; // what the next save of this page takes the place of
      for (const field of form.elements) field.defaultValue = field.value;
      return [];
    }
    const fault = said.detail || `HTTP ${answer.status}`;
    if (![401, 409].includes(answer.status)) return [fault];
    const beside = document.createElement('a'); // to log in, or to see what is there now
    Object.assign(beside, { href: window.location.pathname, target: '_blank', textContent: 'Open it beside this page' });
    return [`${fault}. `, beside];
  };
  const LOST = 'What you typed elsewhere on this page is not sent and will be lost. Go on?';
  const FORMS = document.querySelectorAll('main form[method="post"]:not(.login)');
  const unsent = (besides) => [...FORMS].some((form) => form !== besides && holds(form));
  window.addEventListener('beforeunload', (event) => { if (!off && unsent()) event.preventDefault(); });

  // ---- forms: sent once, and seen to be ----------------------------------------------------
  const working = document.getElementById('working');
  const STOPPED_MS = 120000; // a page that is still there by then was not left: its reader stopped it
  let off = null; // button -> what it says, from when a form is sent
  const on = () => {
    for (const [button, words] of off || []) {
      button.disabled = false;
      button.replaceChildren(...words);
    }
    off = null;
    working.textContent = '';
  };
  const lock = (submitter) => {
    off = new Map();
    const words = (submitter && submitter.dataset.words) || 'Working…';
    working.textContent = words;
    setTimeout(() => { // the form has been read by then: a button that is off is not sent
      if (!off) return;
      for (const button of document.querySelectorAll('form[method="post"] button:enabled')) {
        off.set(button, [...button.childNodes]);
        button.disabled = true;
      }
      if (submitter) submitter.textContent = words;
    });
    setTimeout(on, STOPPED_MS);
  };
  const decide = document.getElementById('decide');
  const details = document.querySelector('form.fields');
  // For the report: saved before anything else of a decision, the clicks of clicks.js among it.
  document.addEventListener('submit', async (event) => {
    const { target, submitter } = event;
    if (target !== decide || !(off || details && holds(details))) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (off) return;
    lock(submitter);
    const said = document.getElementById('said');
    said.replaceChildren();
    const fault = await saved(details);
    on();
    if (fault.length) said.replaceChildren('Not done, as what you entered for the report is not saved: ', ...fault);
    else decide.requestSubmit(submitter);
  }, true);
  document.addEventListener('submit', (event) => {
    const { target, submitter } = event;
    if (target.method !== 'post') return;
    if (off || (unsent(target) && !window.confirm(LOST))) event.preventDefault();
    else lock(submitter);
  });
  // Else it is a new page, or one whose pictures came late.
  window.addEventListener('pageshow', (event) => { if (event.persisted) on(); });

  // ---- what goes on by itself --------------------------------------------------------------
  // Make a node like a fresh one; what is the same stays.
  const update = (node, fresh) => {
    if (node.isEqualNode(fresh)) return;
    const [children, others] = [[...node.childNodes], [...fresh.childNodes]];
    const alike = children.length === others.length && children.length && node.cloneNode().isEqualNode(fresh.cloneNode());
    if (alike) children.forEach((child, k) => update(child, others[k]));
    else node.replaceWith(fresh);
  };
  const key = (one) => [one.localName, one.id, one.name, one.value, one.getAttribute('href')].join(' ');
  const renew = (part, fresh) => {
    if (part.matches('select') && (part.matches(':focus') || !part.selectedOptions[0].defaultSelected)) return;
    const ticked = new Set([...part.querySelectorAll('input:checked')].map(key));
    const focused = part.contains(document.activeElement) && key(document.activeElement);
    for (const { id } of part.querySelectorAll('details[open]')) {
      const same = fresh.querySelector(`#${id}`);
      if (same) same.open = true;
    }
    update(part, fresh);
    const now = document.getElementById(part.id);
    for (const box of now.querySelectorAll('input')) box.checked = ticked.has(key(box));
    if (!focused || now.contains(document.activeElement)) return;
    const again = [...now.querySelectorAll('a, button, input, summary')].find((one) => key(one) === focused);
    if (again) again.focus({ preventScroll: true });
  };
  const parts = document.querySelectorAll('[data-live]');
  let seconds = Number(document.body.dataset.reload);
  const follow = async () => {
    const answer = await fetch(window.location.href, { headers: { Accept: 'text/html' } }).catch(() => null);
    if (answer && !off) { // else no server, or another page is on its way
      const { body } = new DOMParser().parseFromString(await answer.text(), 'text/html');
      if (answer.ok) seconds = Number(body.dataset.reload);
      const anew = answer.ok ? !seconds && !parts.length : answer.status < 500; // a server that starts is waited for
      if (answer.redirected || anew) window.location.reload();
      else if (answer.ok) for (const { id } of parts) renew(document.getElementById(id), body.querySelector(`#${id}`));
    }
    if (seconds) setTimeout(follow, 1000 * seconds);
  };
  if (seconds) setTimeout(follow, 1000 * seconds);
})();
