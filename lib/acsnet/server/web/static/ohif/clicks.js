// Clicks on the images of a case: the wall goes there, as the server answers, and stays possible.
// What a reader draws by hand between two clicks is what the next click starts from.

import * as labelmap from './labelmap.js';

const { cornerstone, cornerstoneTools } = window;

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
    const name = cornerstoneTools.Enums.Events.MOUSE_CLICK;
    const heard = event => this.clicked(event.detail.currentPoints.world);
    element.addEventListener(name, heard);
    open.stop.push(() => element.removeEventListener(name, heard));
  }

  /** Begin anew with the next click. */
  forget() {
    this.clicks = [];
    this.base = null;
    this.strokes = -1;
  }

  async clicked(world) {
    const { open, kind } = this;
    if (!kind || open.busy || !labelmap.exists()) return;
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
    return open.work('Moving', async () => {
      const body = { clicks: this.clicks, frames: this.base, user: open.reader };
      const told = await open.send('POST', '/click', body);
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
