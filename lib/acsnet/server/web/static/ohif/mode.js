// The mode `acsnet` of stock OHIF: one viewport in the acquired plane, the newest label map ready to
// be edited, and the buttons Run, Save, Accept and next. Stock OHIF takes it as an object of its
// configuration; nothing is built. It is OHIF's own segmentation mode with what differs put in.

import { Case } from './case.js';
import { Clicks, KINDS, RESTING, TOOL_GROUP } from './clicks.js';
import { showWarnings } from './dialogs.js';

const ID = 'acsnet';
const VIEWPORT = 'acsnet-slices';
const BRUSH_RADIUS_MM = 2; // a brush 4 mm wide: the wall has 8 mm
const BRUSH = 'CircularBrush';
// On a tablet the toolbar has room for the few buttons of each case, beside OHIF's logo and menus:
// fingers pan and zoom, and what is rare is in the line over the images.
const NARROW = window.innerWidth < 1100;

let React; // OHIF's own, which it hands to the maker of the logo
let open = null; // the case on the screen
let clicks = null; // on it, once it could be opened
let commands = null; // OHIF's
const listeners = new Set();
const DISCARD = 'Back to the last save';
let revision = 0;

export function takeReact(react) {
  React = react;
}

function render() {
  revision += 1;
  listeners.forEach(listener => listener());
}

/** How the series is hung: its images as they were acquired, the middle one first. */
export function hangingProtocolModule() {
  const images = { attribute: 'numImageFrames', constraint: { greaterThan: { value: 0 } } };
  const magnetic = { attribute: 'Modality', constraint: { equals: { value: 'MR' } } };
  const named = { attribute: 'isDisplaySetFromUrl', constraint: { equals: true } };
  const protocol = {
    id: ID,
    name: 'ACSNet',
    protocolMatchingRules: [],
    toolGroupIds: [TOOL_GROUP],
    displaySetSelectors: {
      series: {
        seriesMatchingRules: [
          { ...images, weight: 1, required: true },
          { ...magnetic, weight: 5 },
          { ...named, weight: 20 },
        ],
      },
    },
    defaultViewport: {
      viewportOptions: { viewportType: 'stack', toolGroupId: TOOL_GROUP, allowUnmatchedView: true },
      displaySets: [{ id: 'series', matchedDisplaySetsIndex: -1 }],
    },
    stages: [
      {
        name: 'slices',
        viewportStructure: { layoutType: 'grid', properties: { rows: 1, columns: 1 } },
        viewports: [
          {
            viewportOptions: {
              viewportId: VIEWPORT,
              viewportType: 'stack',
              toolGroupId: TOOL_GROUP,
              initialImageOptions: { preset: 'middle' },
            },
            displaySets: [{ id: 'series' }],
          },
        ],
      },
    ],
  };
  return [{ name: ID, protocol }];
}

/** Our buttons in OHIF's toolbar, with words instead of signs. */
export function toolbarModule() {
  return [
    { name: 'acsnet.actions', defaultComponent: Actions },
    { name: 'acsnet.status', defaultComponent: Status },
  ];
}

/** Draw a component anew when the case changes. */
function useCase() {
  React.useSyncExternalStore(
    listener => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => revision
  );
}

function Actions() {
  useCase();
  const ready = clicks && !open.busy;
  const button = (label, onClick, { enabled = ready, main = false, title } = {}) =>
    React.createElement('button', {
      key: label,
      type: 'button',
      disabled: !enabled,
      title,
      onClick,
      style: {
        padding: '4px 10px',
        borderRadius: 4,
        border: '1px solid #348cfd',
        whiteSpace: 'nowrap',
        background: main ? '#1d5fc4' : 'transparent',
        color: 'white',
        fontSize: 14,
        opacity: enabled ? 1 : 0.45,
      },
    }, label);
  return React.createElement(
    'div',
    { style: { display: 'flex', gap: 6, alignItems: 'center' }, 'data-cy': 'acsnet-actions' },
    button('Run', () => open.run(), { title: 'Segment the scan; what you drew is saved first' }),
    button('Save', () => open.save(), {
      enabled: ready && open.changed,
      title: 'Save what you drew as your version',
    }),
    open?.changed && !NARROW ? button('Discard', () => open.discard(), { title: DISCARD }) : null,
    React.createElement('select', {
      key: 'click',
      'aria-label': 'What should be at the click',
      'data-cy': 'acsnet-click',
      title: 'Click in the middle of the area that is wrong: the wall moves there and stays anatomically possible',
      disabled: !ready,
      value: clicks?.kind ?? '',
      onChange: event => chooseClick(event.target.value),
      style: {
        background: '#090c29',
        color: 'white',
        borderRadius: 4,
        fontSize: 14,
        padding: 4,
        maxWidth: NARROW ? 90 : 'none',
      },
    }, KINDS.map(([value, text]) => React.createElement('option', { key: value, value }, text))),
    clicks?.canUndo() && !NARROW ? button('Undo click', () => clicks.undo()) : null,
    button('Accept and next', () => open.accept(), {
      enabled: ready && Boolean(open.shown || open.changed),
      main: true,
      title: 'Accept this label map, saved first where you changed it, and open the next case',
    })
  );
}

/** One line over the images: whose version this is, and where what was drawn lies. */
function Status() {
  useCase();
  const link = (label, onClick, title) =>
    React.createElement('button', {
      key: label,
      type: 'button',
      onClick,
      title,
      style: { marginLeft: 8, textDecoration: 'underline', color: '#5acce6' },
    }, label);
  const more = [];
  const warnings = open?.busy || open?.changed ? [] : (open?.shown?.warnings ?? []);
  if (warnings.length) {
    const count = `${warnings.length} warning${warnings.length > 1 ? 's' : ''}`;
    more.push(link(count, () => showWarnings(warnings), 'Read them'));
  }
  if (NARROW && open?.changed) more.push(link('Discard', () => open.discard(), DISCARD));
  if (NARROW && clicks?.canUndo()) more.push(link('Undo click', () => clicks.undo()));
  if (open?.others.length && !open.busy) {
    more.push(link('Other edit', () => open.other(), 'Another edit of yours that is not saved; this one stays stored'));
  }
  if (open?.reader && !open.login) {
    more.push(link(`Reader: ${open.reader}`, () => open.changeReader(), 'Change the reader'));
  }
  return React.createElement(
    'div',
    {
      role: 'status',
      title: open?.lost || open?.shown?.warnings.join('\n'),
      'data-cy': 'acsnet-status',
      style: {
        padding: '2px 8px',
        borderRadius: 4,
        background: 'rgb(0 0 0 / 65%)',
        color: open?.lost ? '#ffb0a0' : 'white',
        fontSize: 13,
        whiteSpace: 'nowrap',
      },
    },
    statusText(),
    ...more
  );
}

function statusText() {
  if (!open) return '';
  if (open.busy) return `${open.busy} ...`;
  if (!clicks) return 'Not opened for correction';
  const slice = open.slice ? `Slice ${open.slice} of ${open.slices.length}` : '';
  return [stateText(), slice].filter(Boolean).join('. ');
}

function stateText() {
  const { shown, changed, kept, lost } = open;
  if (changed) {
    const where = lost ? 'NOT stored on the server' : kept ? 'stored on the server' : 'being stored';
    return `Changed, not saved yet: ${where}`;
  }
  if (!shown) return 'Nothing is drawn yet: Run, or draw';
  const who = shown.reviewer ? `${shown.author}, reviewed by ${shown.reviewer}` : shown.author;
  return `${shown.state} by ${who}`;
}

const BUTTONS = [
  { id: 'acsnetActions', uiType: 'acsnet.actions', props: {} },
  { id: 'acsnetStatus', uiType: 'acsnet.status', props: {} },
];

const TOOLS = NARROW ? [] : ['WindowLevel', 'Pan', 'Zoom', 'MoreTools'];

const SECTIONS = {
  primary: ['acsnetActions', ...TOOLS],
  'viewportActionMenu.topLeft': [],
  'viewportActionMenu.topMiddle': ['acsnetStatus'],
  LabelMapTools: ['BrushTools', 'Shapes'],
  LabelMapUtilities: ['InterpolateLabelmap'],
  MoreTools: ['Reset', 'rotate-right', 'flipHorizontal', 'invert', 'Magnify', 'TagBrowser'],
};

/** The mode, from OHIF's own segmentation mode. */
export async function mode({ loadModules }) {
  const [segmentation] = await loadModules(['@ohif/mode-segmentation']);
  const base = segmentation.modeInstance;
  const { layoutInstance } = base.routes[0];
  const [panel] = layoutInstance.props.rightPanels; // of label maps; the other is of contours
  return {
    ...base,
    id: ID,
    routeName: ID,
    displayName: 'ACSNet',
    hangingProtocol: ID,
    toolbarButtons: [...base.toolbarButtons, ...BUTTONS],
    toolbarSections: [...base.toolbarSections, SECTIONS],
    routes: [
      {
        path: ID,
        layoutTemplate: () => ({
          id: layoutInstance.id,
          props: {
            ...layoutInstance.props,
            leftPanelClosed: true,
            rightPanels: [panel],
          },
        }),
      },
    ],
    onModeEnter(context) {
      base.onModeEnter.call(this, context);
      this._unsubscriptions.push(whenHung(context));
    },
    onModeExit(context) {
      open?.close();
      open = clicks = null;
      base.onModeExit.call(this, context);
    },
  };
}

/** Open the case once its series is in the viewport. */
function whenHung({ servicesManager, commandsManager }) {
  const { services } = servicesManager;
  const { cornerstoneViewportService, viewportGridService, displaySetService } = services;
  const { unsubscribe } = cornerstoneViewportService.subscribe(
    cornerstoneViewportService.EVENTS.VIEWPORT_DATA_CHANGED,
    () => {
      const viewportId = viewportGridService.getActiveViewportId();
      const [uid] = viewportGridService.getDisplaySetsUIDsForViewport(viewportId) ?? [];
      const displaySet = uid && displaySetService.getDisplaySetByUID(uid);
      if (!displaySet || open) return;
      const notify = (title, message, type = 'error') =>
        services.uiNotificationService.show({
          title,
          message,
          type,
          duration: type === 'success' ? 5000 : 12000,
        });
      open = new Case({ services, displaySet, viewportId, notify, render });
      open
        .open()
        .then(() => {
          commands = commandsManager;
          clicks = new Clicks(open);
          takeBrush(commandsManager);
          render();
        })
        .catch(error => {
          open.set('');
          notify('This case cannot be opened here', error.message);
        });
    }
  );
  return unsubscribe;
}

function takeBrush(commandsManager) {
  commandsManager.run('setBrushSize', { value: BRUSH_RADIUS_MM });
  takeTool(commandsManager, BRUSH);
}

/** With a click chosen the brush rests: the same button of the mouse then sets the window. */
function chooseClick(kind) {
  if (kind) takeTool(commands, RESTING);
  else takeBrush(commands);
  clicks.kind = kind;
  render();
}

function takeTool(commandsManager, toolName) {
  commandsManager.run('setToolActiveToolbar', { toolName, toolGroupIds: [TOOL_GROUP] });
}
