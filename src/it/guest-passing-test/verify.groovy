def report = javax.xml.parsers.DocumentBuilderFactory.newInstance().newDocumentBuilder()
        .parse(new File(basedir, 'target/surefire-reports/TEST-example.GuestTest.xml'))
def xpath = javax.xml.xpath.XPathFactory.newInstance().newXPath()
def at = { path -> xpath.evaluate('/testsuite' + path, report) }

assert at('/@tests') == '2'
assert at('/@failures') == '0' && at('/@errors') == '0' && at('/@skipped') == '0'
assert at('/testcase[@name="firstProcessIsTheGuestsInit"]/system-out').contains('kernel: Linux version 6.')
