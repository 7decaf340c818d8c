// Clicks on the images of a case: the wall goes there, as the server answers, and stays possible.
// What a reader draws by hand between two clicks is what the next click starts from.

import * as labelmap from './labelmap.js';

const { cornerstone, cornerstoneTools } = window;

export const TOOL_GROUP = 'default';
export const RESTING = 'WindowLevel'; // the tool at the mouse while clicks are on: it draws nothing

const PRIMARY = 1; // as of MouseEvent.buttons

export const KINDS = [
  ['', 'Click: off'],
  ['wall', 'Click: wall'],
  ['outside', 'Click: outside'],
  ['cavity', 'Click: blood pool'],
  ['epicardium', 'Click: outer border'],
  ['endocardium', 'Click: inner border'],
  ['scar', 'Click: scar'],
  ['healthy', 'Click: no scar'],
  ['obstruction', 'Click: obstruction'],
];

export class Clicks {
  constructor(open) {
    this.open = open;
    this.kind = '';
    this.forget();
    const { cornerstoneViewportService } = open.services;
    const element = cornerstoneViewportService.getCornerstoneViewport(open.viewportId).element;
    const { MOUSE_CLICK, TOOL_ACTIVATED } = cornerstoneTools.Enums.Events;
    this.listen(element, MOUSE_CLICK, ({ detail }) => {
      if (detail.mouseButton === PRIMARY) this.clicked(detail.currentPoints.world);
    });
    this.listen(cornerstone.eventTarget, TOOL_ACTIVATED, () => this.tookTool());
  }

  listen(target, name, heard) {
    target.addEventListener(name, heard);
    this.open.stop.push(() => target.removeEventListener(name, heard));
  }

  /** With another tool at the mouse, as one that draws, clicks are off. */
  tookTool() {
    if (!this.kind || resting()) return;
    this.kind = '';
    this.open.render();
  }

  /** Begin anew with the next click. */
  forget() {
    this.clicks = [];
    this.base = null;
    this.strokes = -1;
  }

  async clicked(world) {
    const { open, kind } = this;
    if (!kind || !resting() || !labelmap.exists()) return;
    if (open.busy) {
      open.notify('Not taken', 'Wait for the answer, then click again.', 'warning');
      return;
    }
    const viewport = open.services.cornerstoneViewportService.getCornerstoneViewport(open.viewportId);
    const imageId = viewport.getCurrentImageId();
    const { SOPInstanceUID, Rows, Columns } = cornerstone.metaData.get('instance', imageId);
    const [column, row] = cornerstone.utilities
      .worldToImageCoords(imageId, world)
      .map(at => Math.floor(at));
    if (row < 0 || column < 0 || row >= Rows || column >= Columns) return;
    if (!this.base || this.strokes !== open.strokes) {
      this.forget();
      this.base = labelmap.frames();
    }
    this.clicks.push({ instance: SOPInstanceUID, row, column, kind });
    if (!(await this.ask())) this.clicks.pop();
  }

  async undo() {
    if (!this.canUndo()) return;
    const last = this.clicks.pop();
    if (!(await this.ask())) this.clicks.push(last);
  }

  canUndo() {
    return this.clicks.length > 0 && this.strokes === this.open.strokes;
  }

  ask() {
    const { open } = this;
    const { strokes } = open;
    return open.work('Moving', async () => {
      const body = { clicks: this.clicks, frames: this.base, user: open.reader };
      const told = await open.send('POST', '/click', body);
      open.unlessDrawn(strokes);
      labelmap.show(told.frames);
      this.strokes = open.strokes;
      const missed = told.clicks.filter(one => !one.held).length;
      if (missed) {
        open.notify(
          `${missed} of ${told.clicks.length} clicks are not fulfilled`,
          'No possible wall fulfils all of them.',
          'warning'
        );
      }
    });
  }
}

function resting() {
  const tools = cornerstoneTools.ToolGroupManager.getToolGroup(TOOL_GROUP);
  return tools.getActivePrimaryMouseButtonTool() === RESTING;
}
