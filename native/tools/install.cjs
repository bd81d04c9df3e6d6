// npm's install step: use the prebuilt addon of this platform when it loads, else compile from source.
// Nothing but node's headers is ever downloaded, and they only where they do not lie beside the running node.
'use strict'
const path = require('node:path')
const root = path.join(__dirname, '..', '..')

// Why there is no prebuild to use; undefined when there is one.
function reasonToCompile() {
  if (process.env.npm_config_build_from_source === 'true') return 'asked for by build_from_source'
  try {
    require('node-gyp-build')(root)
    return undefined
  } catch (error) {
    return String(error.message).split('\n')[0]
  }
}

const reason = reasonToCompile()
if (reason !== undefined) {
  console.error(`varve: ${reason}\nvarve: compiling from source, for which a C++20 compiler, make and Python 3 are needed`)
  require('./build.cjs').build(['--clean'])
}
