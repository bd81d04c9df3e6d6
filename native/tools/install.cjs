// npm's install step: use the prebuilt addon of this platform when it loads, else compile from source.
// Nothing is downloaded: headers are those that lie beside the running node, if it brought them.
'use strict'
const path = require('node:path')
const root = path.join(__dirname, '..', '..')

function prebuildLoads() {
  if (process.env.npm_config_build_from_source === 'true') return false
  try {
    require('node-gyp-build')(root)
    return true
  } catch {
    return false
  }
}

if (!prebuildLoads()) require('./build.cjs').gyp('rebuild')
