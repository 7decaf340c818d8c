// The label map as OHIF holds it, one image of labels for each image of the series, and the frames
// that the server takes and gives: SOPInstanceUID -> [value, length, value, length, ...], row by
// row as acquired. Nothing here knows an order or an orientation of slices.

const { cornerstone, cornerstoneTools } = window;

export const SEGMENTATION = 'acsnet';
const TYPE = 'Labelmap';
const STYLE = { fillAlpha: 0.35, fillAlphaInactive: 0.35, outlineWidth: 2, outlineOpacity: 0.9 };

/** Runs of equal values of an array. */
export function packed(values) {
  const runs = [];
  for (let start = 0, at = 1; at <= values.length; at += 1) {
    if (at === values.length || values[at] !== values[start]) {
      runs.push(values[start], at - start);
      start = at;
    }
  }
  return runs;
}

/** Write runs into an array of their whole length. */
export function unpack(runs, values) {
  let at = 0;
  for (let index = 0; index < runs.length; index += 2) {
    values.fill(runs[index], at, (at += runs[index + 1]));
  }
}

/** A new, empty label map on a display set, shown in a viewport in our names and colours. */
export async function create({ services, displaySet, viewportId, labels }) {
  const { segmentationService } = services;
  const segments = Object.fromEntries(
    labels.map(({ value, description }) => [
      value,
      { label: description.replace('Left ventricular', 'LV'), active: false }, // the panel is narrow
    ])
  );
  await segmentationService.createLabelmapForDisplaySet(displaySet, {
    segmentationId: SEGMENTATION,
    label: 'ACSNet',
    segments,
  });
  await segmentationService.addSegmentationRepresentation(viewportId, {
    segmentationId: SEGMENTATION,
    type: TYPE,
  });
  for (const { value, colour } of labels) {
    segmentationService.setSegmentColor(viewportId, SEGMENTATION, value, [...colour, 255]);
  }
  segmentationService.setStyle({ segmentationId: SEGMENTATION, type: TYPE }, STYLE);
  segmentationService.setActiveSegmentation(viewportId, SEGMENTATION);
}

/** Whether the label map is there: a reader can remove it in OHIF's own panel. */
export function exists() {
  return Boolean(cornerstoneTools.segmentation.state.getSegmentation(SEGMENTATION));
}

/** Replace all that is drawn. */
export function show(frames) {
  for (const { uid, values } of images()) {
    values.fill(0);
    if (frames[uid]) unpack(frames[uid], values);
  }
  // A stroke on the label map of before must not be undone into this one: a new size empties it.
  const history = cornerstone.utilities.HistoryMemo.DefaultHistoryMemo;
  history.size = history.size;
  cornerstoneTools.segmentation.triggerSegmentationEvents.triggerSegmentationDataModified(
    SEGMENTATION
  );
}

/** All that is drawn; images with nothing on them are left out. */
export function frames() {
  const drawn = {};
  for (const { uid, values } of images()) {
    if (values.some(value => value > 0)) drawn[uid] = packed(values);
  }
  return drawn;
}

/** Bring the heart to the middle of the viewport, with as much around it; false where none is drawn. */
export function zoomToHeart(viewport) {
  const box = { left: Infinity, right: 0, top: Infinity, bottom: 0 };
  let columns = 0;
  let rows = 0;
  for (const image of images()) {
    ({ columns, rows } = image);
    image.values.forEach((value, at) => {
      if (!value) return;
      const [x, y] = [at % columns, Math.floor(at / columns)];
      box.left = Math.min(box.left, x);
      box.right = Math.max(box.right, x + 1);
      box.top = Math.min(box.top, y);
      box.bottom = Math.max(box.bottom, y + 1);
    });
  }
  if (!box.right) return false;
  const [width, height] = [box.right - box.left, box.bottom - box.top];
  viewport.setDisplayArea({
    imageArea: [Math.min(1, (2 * width) / columns), Math.min(1, (2 * height) / rows)],
    imageCanvasPoint: {
      imagePoint: [(box.left + width / 2) / columns, (box.top + height / 2) / rows],
      canvasPoint: [0.5, 0.5],
    },
  });
  viewport.render();
  return true;
}

/** Call `changed` after each stroke, fill, undo and whatever else changes a voxel. */
export function watch(changed) {
  const name = cornerstoneTools.Enums.Events.SEGMENTATION_DATA_MODIFIED;
  const heard = event => event.detail.segmentationId === SEGMENTATION && changed();
  cornerstone.eventTarget.addEventListener(name, heard);
  return () => cornerstone.eventTarget.removeEventListener(name, heard);
}

function images() {
  const { imageIds } =
    cornerstoneTools.segmentation.state.getSegmentation(SEGMENTATION).representationData[TYPE];
  return imageIds.map(imageId => {
    const image = cornerstone.cache.getImage(imageId);
    const { SOPInstanceUID } = cornerstone.metaData.get('instance', image.referencedImageId);
    const { columns, rows } = image;
    return { uid: SOPInstanceUID, columns, rows, values: image.voxelManager.getScalarData() };
  });
}
