// The slices of a scan as one stack of OHIF, in the order in which the server counts them in its
// warnings. OHIF by itself makes a stack of each series; a scan may lie in several series, and a
// series may hold other images, too.

const WAIT_MS = 20000; // OHIF fetches the series of a study one after another

/**
 * Show just the slices of a scan in a viewport; gives their display set. Throws where OHIF lacks
 * images of some.
 */
export async function hang({ services, displaySet, viewportId, slices }) {
  const images = await imagesOf(slices, services.displaySetService);
  if (images.length < slices.length) {
    const lacking = `${slices.length - images.length} of ${slices.length} slices cannot be loaded`;
    throw new Error(`${lacking}: open the case again, or correct it in 3D Slicer`);
  }
  const before = displaySet.instances;
  if (images.length === before.length && images.every((image, at) => image === before[at])) {
    return displaySet;
  }
  const stack = stackOf(images, displaySet);
  services.displaySetService.addDisplaySets(stack);
  await shown(stack, services, viewportId);
  return stack;
}

/** The images of slices that OHIF knows, in their order; it is waited for those that are missing. */
function imagesOf(slices, displaySetService) {
  const known = () => {
    const sets = displaySetService.getActiveDisplaySets();
    const images = sets.flatMap(({ instances = [] }) => instances);
    const byUid = new Map(images.map(image => [image.SOPInstanceUID, image]));
    return slices.map(uid => byUid.get(uid)).filter(Boolean);
  };
  return new Promise(resolve => {
    const { unsubscribe } = displaySetService.subscribe(
      displaySetService.EVENTS.DISPLAY_SETS_ADDED,
      () => known().length === slices.length && done()
    );
    const timer = window.setTimeout(() => done(), WAIT_MS);
    const done = () => {
      window.clearTimeout(timer);
      unsubscribe();
      resolve(known());
    };
    if (known().length === slices.length) done();
  });
}

/** A display set of these images, like the one that OHIF made of a series with some of them. */
function stackOf(images, like) {
  const { instances, instance, imageIds, getNumImages, ...about } = like;
  const ImageSet = like.constructor;
  const stack = new ImageSet(images);
  const same = images.length === instances.length && images.every(one => instances.includes(one));
  stack.setAttributes({
    ...about,
    displaySetInstanceUID: stack.uid,
    numImageFrames: images.length,
    isReconstructable: same && about.isReconstructable,
    isDynamicVolume: false,
    dynamicVolumeInfo: undefined,
    messages: same ? about.messages : undefined,
  });
  return stack;
}

/** Put a display set into a viewport, and wait until it is there. */
function shown(stack, { cornerstoneViewportService, viewportGridService }, viewportId) {
  const uid = stack.displaySetInstanceUID;
  return new Promise(resolve => {
    const { unsubscribe } = cornerstoneViewportService.subscribe(
      cornerstoneViewportService.EVENTS.VIEWPORT_DATA_CHANGED,
      ({ viewportId: changed }) => {
        const [now] = viewportGridService.getDisplaySetsUIDsForViewport(viewportId) ?? [];
        if (changed !== viewportId || now !== uid) return;
        unsubscribe();
        resolve();
      }
    );
    viewportGridService.setDisplaySetsForViewport({ viewportId, displaySetInstanceUIDs: [uid] });
  });
}
