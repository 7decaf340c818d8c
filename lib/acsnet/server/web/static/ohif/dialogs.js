// Small questions to the reader, in the looks of OHIF: who reads, and what the warnings are.

const STYLE = `
dialog.acsnet { margin: auto; max-width: 34rem; padding: 1.25rem 1.5rem; border: 1px solid #348cfd;
  border-radius: 0.5rem; background: #041c4a; color: white; font: 15px/1.45 Inter, sans-serif; }
dialog.acsnet::backdrop { background: rgb(0 0 0 / 60%); }
dialog.acsnet h2 { margin: 0 0 0.5rem; font-size: 17px; font-weight: 600; }
dialog.acsnet ul { margin: 0.5rem 0; padding-left: 1.2rem; list-style: disc; max-height: 40vh;
  overflow: auto; }
dialog.acsnet input { width: 100%; margin-top: 0.25rem; padding: 0.4rem 0.5rem; color: white;
  background: black; border: 1px solid #5acce6; border-radius: 0.25rem; }
dialog.acsnet label { display: block; margin: 0.75rem 0; }
dialog.acsnet menu { display: flex; gap: 0.5rem; justify-content: flex-end; margin: 1rem 0 0;
  padding: 0; }
dialog.acsnet button { padding: 0.4rem 0.9rem; border-radius: 0.25rem; border: 1px solid #348cfd;
  background: transparent; color: white; }
dialog.acsnet button[value='yes'] { background: #1d5fc4; }
`;

/** The reader's name; empty where the question is closed without one. */
export async function askReader(known = '') {
  const input = element('input', { name: 'reader', value: known, maxLength: 64, required: true });
  const yes = await ask('Who is reading?', [
    element('p', {}, 'Your name is stored with what you draw. This browser remembers it.'),
    element('label', {}, 'Name', input),
  ], { yes: 'Continue', no: '' });
  return yes ? input.value.trim() : '';
}

/** Whether the reader accepts a label map with these warnings, and with which comment. */
export async function askAccept(warnings) {
  const comment = element('input', { name: 'comment', maxLength: 500 });
  const yes = await ask('Accept with these warnings?', [
    element('ul', {}, ...warnings.map(text => element('li', {}, text))),
    element('label', {}, 'Comment (may be empty)', comment),
  ], { yes: 'Accept anyway', no: 'Back to the images' });
  return yes ? { comment: comment.value.trim() } : null;
}

/** The warnings of a label map, to be read. */
export function showWarnings(warnings) {
  return ask('Warnings', [
    element('ul', {}, ...warnings.map(text => element('li', {}, text))),
  ], { yes: 'Close', no: '' });
}

/** Whether the reader gives up what was drawn since the last save. */
export function askDiscard() {
  return ask('Discard your changes?', [
    element('p', {}, 'What you drew since the last save is removed. This cannot be undone.'),
  ], { yes: 'Discard', no: 'Keep' });
}

function ask(title, content, { yes, no }) {
  if (!document.getElementById('acsnet-dialogs')) {
    document.head.append(element('style', { id: 'acsnet-dialogs' }, STYLE));
  }
  const menu = element('menu', {}, element('button', { value: 'yes' }, yes));
  if (no) menu.prepend(element('button', { value: 'no', formNoValidate: true }, no));
  const form = element('form', { method: 'dialog' }, element('h2', {}, title), ...content, menu);
  const dialog = element('dialog', { className: 'acsnet' }, form);
  // OHIF's keys are for images: a name is typed letter by letter.
  dialog.addEventListener('keydown', event => event.stopPropagation());
  document.body.append(dialog);
  dialog.showModal();
  return new Promise(resolve => {
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(dialog.returnValue === 'yes');
    });
  });
}

function element(name, properties, ...children) {
  const node = Object.assign(document.createElement(name), properties);
  node.append(...children);
  return node;
}
