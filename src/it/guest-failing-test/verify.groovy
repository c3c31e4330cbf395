def report = javax.xml.parsers.DocumentBuilderFactory.newInstance().newDocumentBuilder()
        .parse(new File(basedir, 'target/surefire-reports/TEST-example.GuestTest.xml'))
def xpath = javax.xml.xpath.XPathFactory.newInstance().newXPath()
def at = { path -> xpath.evaluate('/testsuite' + path, report) }

assert at('/@tests') == '3' && at('/@failures') == '1' && at('/@errors') == '1' && at('/@skipped') == '0'

def wrong = '/testcase[@name="isWrong"]/failure'
assert at(wrong + '/@type') == 'org.opentest4j.AssertionFailedError'
assert at(wrong + '/@message') == 'expected: <expected in the guest> but was: <found in the guest>'
assert at(wrong).contains('at example.GuestTest.isWrong(GuestTest.java:')

def broken = '/testcase[@name="breaks"]/error'
assert at(broken + '/@type') == 'java.lang.IllegalStateException'
assert at(broken + '/@message') == 'broken in the guest'
assert new File(basedir, 'build.log').text.contains('There are test failures')
