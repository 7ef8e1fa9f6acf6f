/**
 * What the server told the page about itself.
 *
 * config.access          "local" (nobody signs in) or "token"
 * config.faceLogin       whether signing in with a face is offered
 * config.driveSearch     whether public Google Drive folders can be searched
 * config.maxUploadBytes  largest picture; maxAudioBytes: largest recording; maxRequestBytes: largest request
 * config.tabs            key -> {path, title, needsSession}
 * language               "en" or "id"
 */
export const config = Object.freeze(JSON.parse(document.documentElement.dataset.config));
export const language = document.documentElement.lang;
