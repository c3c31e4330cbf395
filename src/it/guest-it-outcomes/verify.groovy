def xpath = javax.xml.xpath.XPathFactory.newInstance().newXPath()
def documents = { name ->
    javax.xml.parsers.DocumentBuilderFactory.newInstance().newDocumentBuilder()
            .parse(new File(basedir, "target/vm-reports/TEST-${name}.xml"))
}
def outcomes = documents('example.OutcomesIT')
def at = { path -> xpath.evaluate('/testsuite' + path, outcomes) }
def log = new File(basedir, 'build.log').text

assert at('/@tests') == '12' && at('/@failures') == '2' && at('/@errors') == '1' && at('/@skipped') == '2'
assert at('/properties/property[@name="runinvm.technique"]/@value') == technique

def passed = '/testcase[@name="aPasses"]'
assert at(passed + '/@classname') == 'example.OutcomesIT'
assert at(passed + '/system-out').contains('printed by aPasses \u20ac ]]> \ufffd')
assert at(passed + '/system-err').contains('complained of by aPasses')

def wrong = '/testcase[@name="bIsWrong"]/failure'
assert at(wrong + '/@type') == 'org.opentest4j.AssertionFailedError'
assert at(wrong + '/@message') == 'expected: <expected in the guest> but was: <found in the guest>'
assert at(wrong).contains('\tat example.OutcomesIT.bIsWrong(OutcomesIT.java:')

def broken = '/testcase[@name="cBreaks"]/error'
assert at(broken + '/@type') == 'java.lang.IllegalStateException'
assert at(broken).contains('Caused by: java.lang.RuntimeException: the cause')

assert at('/testcase[@name="dIsDisabled"]/skipped/@message') == 'for a reason'
assert at('/testcase[@name="eAssumesTooMuch"]/skipped/@message') == 'Assumption failed: assumed too much'
assert at('/testcase[@name="fTakes(int)[1]"]/@classname') == 'example.OutcomesIT'
assert at('/testcase[@name="fTakes(int)[2]"]/failure/@type') == 'org.opentest4j.AssertionFailedError'
assert at('/testcase[@name="gIsRepeated[2]"]/@classname') == 'example.OutcomesIT'
assert at('/testcase[@name="hMakes[2]"]/@classname') == 'example.OutcomesIT'
assert at('/testcase[@name="iIsConfigured"]/@classname') == 'example.OutcomesIT'

assert xpath.evaluate('/testsuite/@tests', documents('example.OutcomesIT$Inner')) == '1'
assert xpath.evaluate('/testsuite/testcase/error/@message', documents('example.SetUpIT')) == 'cannot set up'
assert xpath.evaluate('/testsuite/testcase/error', documents('example.UnloadableIT')).contains('example/Gone')
assert !new File(basedir, 'target/vm-reports/TEST-example.HelperIT.xml').exists()

def summary = new File(basedir, 'target/vm-reports/vm-summary.xml').text
assert summary.contains('result="255"') && summary.contains('<completed>15</completed>')
assert summary.contains('<errors>3</errors>') && summary.contains('<failures>2</failures>')
assert summary.contains('<skipped>2</skipped>')

// As Failsafe's pair: the build goes on after the tests, and fails in verify.
assert log.indexOf('vm-maven-plugin:') < log.indexOf('(after)')
assert log =~ /Failed to execute goal dev.runinvm:vm-maven-plugin:[^:]+:verify .*There are test failures in guests: Tests run: 15, Failures: 2, Errors: 3, Skipped: 2/
assert log =~ /\[INFO\] Running example.OutcomesIT/
assert log =~ /\[ERROR\] Tests run: 12, Failures: 2, Errors: 1, Skipped: 2, Time elapsed: [0-9.]+ s <<< ERROR! -- in example.OutcomesIT/
assert log =~ /\[ERROR\]   OutcomesIT.bIsWrong:\d+ expected: <expected in the guest> but was: <found in the guest>/
assert log =~ /\[ERROR\]   OutcomesIT.cBreaks:\d+ » IllegalState broken in the guest/
assert log.count('agent after') <= 1
assert new File(basedir, "target/vm/guest-1-${technique.toLowerCase()}/console.log").length() > 0
