def parse = { name ->
    def report = javax.xml.parsers.DocumentBuilderFactory.newInstance().newDocumentBuilder()
            .parse(new File(basedir, "target/surefire-reports/TEST-example.${name}.xml"))
    def xpath = javax.xml.xpath.XPathFactory.newInstance().newXPath()
    return { path -> xpath.evaluate('/testsuite' + path, report) }
}
def at = parse('Junit6Test')
assert at('/@tests') == '11'
assert at('/@failures') == '0' && at('/@errors') == '0' && at('/@skipped') == '1'
assert at('/testcase[contains(@name, "isInAGuest")]/system-out').contains('counters: ')
assert at('/testcase[contains(@name, "disabled")]/skipped/@message') == 'a reason'
assert at('/testcase[contains(@name, "parameters") and contains(@name, "2")]/system-out').contains('parameter b')
assert new File(basedir, 'target/vm/example.Junit6Test/files/back.xml').text == new File(basedir, 'pom.xml').text

def each = parse('EachTechniqueTest')
assert each('//system-out').contains("technique ${technique}")
