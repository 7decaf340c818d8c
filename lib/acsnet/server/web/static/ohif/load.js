// The end of stock OHIF's app-config.js: the mode `acsnet` and the extension that it needs.
{
  let acsnet;
  const load = async () => {
    acsnet ??= await import('/viewer/acsnet-mode/mode.js');
  };
  window.config.extensions.push({
    id: 'acsnet',
    preRegistration: load,
    getToolbarModule: () => acsnet.toolbarModule(),
    getHangingProtocolModule: () => acsnet.hangingProtocolModule(),
  });
  window.config.modes.push({
    id: 'acsnet',
    modeFactory: async tools => {
      await load();
      return acsnet.mode(tools);
    },
  });
  const { createLogoComponentFn } = window.config.whiteLabeling;
  window.config.whiteLabeling.createLogoComponentFn = React => {
    acsnet?.takeReact(React); // the mode draws its buttons with OHIF's own React
    return createLogoComponentFn(React);
  };
}
