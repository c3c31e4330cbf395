assert new File(basedir, 'debugger.log').text == ''
assert new File(basedir, 'seen.txt').text == '6'
assert new File(basedir, 'build.log').text =~ /Listening for transport dt_socket at address: \d+/
assert new File(basedir, 'target/vm-reports/TEST-example.DebuggedIT.xml').text.contains('failures="0"')
