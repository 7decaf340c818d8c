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
  document.addEventListener('submit', (event) => {
    if (event.target.method !== 'post') return;
    if (off) { event.preventDefault(); return; }
    off = new Map();
    const { submitter } = event;
    const words = (submitter && submitter.dataset.words) || 'Working…';
    working.textContent = words;
    setTimeout(() => { // the form has been read by then: a button that is off is not sent
      for (const button of document.querySelectorAll('form[method="post"] button:enabled')) {
        off.set(button, [...button.childNodes]);
        button.disabled = true;
      }
      if (submitter) submitter.textContent = words;
    });
    setTimeout(on, STOPPED_MS);
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
