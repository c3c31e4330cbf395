def xpath = javax.xml.xpath.XPathFactory.newInstance().newXPath()
def document = { path ->
    javax.xml.parsers.DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(new File(basedir, path))
}
def names = { path ->
    def found = xpath.evaluate('/testsuite/testcase/@name', document(path), javax.xml.xpath.XPathConstants.NODESET)
    (0..<found.length).collect { found.item(it).value } as Set
}
assert names('target/selected/TEST-example.TaggedIT.xml') == ['one', 'twoAndMore'] as Set
assert !new File(basedir, 'target/selected/TEST-example.FlakyIT.xml').exists()

assert names('target/tagged/TEST-example.TaggedIT-FULL.xml') == ['one'] as Set
def hw = document('target/tagged/TEST-example.TaggedIT-HW.xml')
assert xpath.evaluate('/testsuite/@name', hw) == 'example.TaggedIT-HW'
def reason = xpath.evaluate('/testsuite/testcase/skipped/@message', hw)
assert reason.isEmpty() || reason.startsWith('technique HW cannot run here: ')
assert reason.isEmpty() == (xpath.evaluate('/testsuite/testcase/@name', hw) == 'one')

def flaky = document('target/flaky/TEST-example.FlakyIT.xml')
def alone = '/testsuite/testcase[@name="passesAlone"]'
assert xpath.evaluate('/testsuite/@tests', flaky) == '2' && xpath.evaluate('/testsuite/@failures', flaky) == '0'
assert xpath.evaluate(alone + '/flakyFailure/@message', flaky) == 'run alone I pass ==> expected: <false> but was: <true>'
assert xpath.evaluate(alone + '/flakyFailure/system-out', flaky).trim() == 'disturbed: true'
assert xpath.evaluate(alone + '/system-out', flaky).trim() == 'disturbed: false'
assert xpath.evaluate('count(' + alone + '/flakyFailure)', flaky) == '1'
def stack = xpath.evaluate(alone + '/flakyFailure/stackTrace', flaky)
assert stack.contains('at example.FlakyIT.passesAlone(') && !stack.contains('java.lang.reflect')
assert new File(basedir, 'target/flaky/vm-summary.xml').text.contains('<flakes>1</flakes>')

def log = new File(basedir, 'build.log').text
assert log.contains('Tests run: 2, Failures: 0, Errors: 0, Skipped: 0, Flakes: 1')
assert log.contains('There are 1 flaky tests, and 1 are a failure (vm.failOnFlakeCount).')
assert log.contains('matches what was asked for, -Dit.test=NoSuchIT')
