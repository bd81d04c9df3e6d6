# The whole native build. The core knows nothing of Node; the addon and the native tests link it.
# Sources are found by folder (native/tools/sources.cjs), so that adding a file edits no list.
{
  'variables': { 'san%': '', 'core_tests%': 0, 'core_bench%': 0, 'openssl_fips': '' },
  'target_defaults': {
    'default_configuration': 'Release',
    'include_dirs': ['native'],
    'cflags!': ['-fno-omit-frame-pointer'],
    'cflags_cc!': ['-std=gnu++17', '-std=gnu++20'],
    'cflags': ['-fvisibility=hidden', '-ffunction-sections', '-fdata-sections',
               '-Wall', '-Wextra', '-Wno-unused-parameter'],
    'cflags_cc': ['-std=c++20', '-fno-exceptions', '-fno-rtti', '-fvisibility-inlines-hidden',
                  '-Wno-missing-field-initializers'],
    'conditions': [
      # Of products and sums fused, where a CPU has such an instruction, results would differ from those of others.
      ['target_arch=="arm64" and OS!="win"', {
        'cflags': ['-ffp-contract=off'],
        'xcode_settings': { 'OTHER_CFLAGS': ['-ffp-contract=off'] }
      }],
      ['OS=="linux"', {
        'ldflags': ['-Wl,--gc-sections', '-Wl,-z,relro,-z,now', '-Wl,--exclude-libs,ALL', '-pthread'],
        'cflags': ['-pthread']
      }],
      ['OS=="mac"', {
        'xcode_settings': {
          'GCC_ENABLE_CPP_EXCEPTIONS': 'NO', 'GCC_ENABLE_CPP_RTTI': 'NO',
          'CLANG_CXX_LANGUAGE_STANDARD': 'c++20', 'CLANG_CXX_LIBRARY': 'libc++',
          'MACOSX_DEPLOYMENT_TARGET': '11.0', 'GCC_SYMBOLS_PRIVATE_EXTERN': 'YES'
        }
      }],
      ['OS=="win"', {
        'defines': ['NOMINMAX', 'WIN32_LEAN_AND_MEAN', '_HAS_EXCEPTIONS=0'],
        'libraries': ['-lbcrypt.lib'],
        'msvs_settings': {
          'VCCLCompilerTool': {
            'ExceptionHandling': 0, 'RuntimeTypeInfo': 'false',
            'AdditionalOptions': ['/std:c++20', '/utf-8', '/Zc:__cplusplus', '/permissive-']
          }
        }
      }],
      ['san!=""', {
        'cflags': ['-fsanitize=<(san)', '-fno-omit-frame-pointer', '-g', '-O1'],
        'cflags!': ['-O3'],
        'ldflags': ['-fsanitize=<(san)'],
        'ldflags!': ['-Wl,--gc-sections']
      }]
    ]
  },
  'targets': [
    { 'target_name': 'core', 'type': 'static_library',
      'sources': ['<!@(node native/tools/sources.cjs core)'],
      'dependencies': ['<!@(node native/tools/sources.cjs fillings)'] },
    { 'target_name': 'simd_sse42', 'type': 'static_library',
      'sources': ['<!@(node native/tools/sources.cjs sse42)'],
      'conditions': [['target_arch=="x64" or target_arch=="ia32"', {
        'cflags': ['-msse4.2', '-mpopcnt', '-mpclmul'],
        'xcode_settings': { 'OTHER_CFLAGS': ['-msse4.2', '-mpopcnt', '-mpclmul'] } }]] },
    { 'target_name': 'simd_avx2', 'type': 'static_library',
      'sources': ['<!@(node native/tools/sources.cjs avx2)'],
      'conditions': [['target_arch=="x64"', {
        'cflags': ['-mavx2', '-mbmi', '-mbmi2', '-mpopcnt', '-mlzcnt', '-msse4.2'],
        'xcode_settings': { 'OTHER_CFLAGS': ['-mavx2', '-mbmi', '-mbmi2', '-mpopcnt', '-mlzcnt'] },
        'msvs_settings': { 'VCCLCompilerTool': { 'AdditionalOptions': ['/arch:AVX2'] } } }]] },
    { 'target_name': 'simd_avx512', 'type': 'static_library',
      'sources': ['<!@(node native/tools/sources.cjs avx512)'],
      'conditions': [['target_arch=="x64"', {
        'cflags': ['-mavx512f', '-mavx512bw', '-mavx512vl', '-mavx512dq',
                   '-mbmi', '-mbmi2', '-mpopcnt', '-mlzcnt', '-msse4.2',
                   # GCC 12 warns of its own header.
                   '-Wno-uninitialized', '-Wno-maybe-uninitialized'],
        'xcode_settings': { 'OTHER_CFLAGS': ['-mavx512f', '-mavx512bw', '-mavx512vl', '-mavx512dq',
                                             '-mbmi', '-mbmi2'] },
        'msvs_settings': { 'VCCLCompilerTool': { 'AdditionalOptions': ['/arch:AVX512'] } } }]] },
    { 'target_name': 'simd_neon', 'type': 'static_library',
      'sources': ['<!@(node native/tools/sources.cjs neon)'],
      'conditions': [['target_arch=="arm64"', {
        'conditions': [['OS!="win"', { 'cflags': ['-march=armv8-a+crc'] }]],
        'xcode_settings': { 'OTHER_CFLAGS': ['-march=armv8-a+crc'] } }]] },
    { 'target_name': 'varve', 'dependencies': ['core'],
      'sources': ['<!@(node native/tools/sources.cjs binding)'],
      'include_dirs': ["<!(node -p \"require('node-addon-api').include_dir\")"],
      'defines': ['NAPI_VERSION=9', 'NAPI_DISABLE_CPP_EXCEPTIONS', 'NODE_ADDON_API_DISABLE_DEPRECATED',
                  'NODE_API_NO_EXTERNAL_BUFFERS_ALLOWED'],
      'conditions': [['OS=="linux"', {
        'ldflags': ['-Wl,--version-script=<(module_root_dir)/native/binding/exports.map'] }]] }
  ],
  'conditions': [
    ['core_tests==1', { 'targets': [
      { 'target_name': 'core_tests', 'type': 'executable', 'dependencies': ['core'],
        'include_dirs': ['test/native'],
        'cflags!': ['-O3'], 'cflags': ['-O1'],
        'sources': ['<!@(node native/tools/sources.cjs tests)'] }
    ] }],
    ['core_bench==1', { 'targets': [
      { 'target_name': 'core_bench', 'type': 'executable', 'dependencies': ['core'],
        'include_dirs': ['bench/native'],
        'sources': ['<!@(node native/tools/sources.cjs bench)'] }
    ] }]
  ]
}
