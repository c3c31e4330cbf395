def factory = javax.xml.parsers.DocumentBuilderFactory.newInstance()
factory.setFeature('http://apache.org/xml/features/nonvalidating/load-external-dtd', false)
def report = factory.newDocumentBuilder().parse(new File(basedir, 'target/site/jacoco/jacoco.xml'))
def xpath = javax.xml.xpath.XPathFactory.newInstance().newXPath()
def covered = { method ->
    xpath.evaluate("//class[@name='example/Work']/method[@name='${method}']/counter[@type='METHOD']/@covered", report)
}

// one report of what all three have done: the host's JVM, the guest of an annotated class, the guest of the plugin's goal
assert covered('there') == '1'
assert covered('here') == '1'
assert covered('inTheGoal') == '1'
assert covered('never') == '0'
