package dev.runinvm.report;

import dev.runinvm.report.RunDocument.Failure;
import dev.runinvm.report.RunDocument.Outcome;
import dev.runinvm.report.RunDocument.TestEntry;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.openqa.selenium.By;
import org.openqa.selenium.Keys;
import org.openqa.selenium.WebElement;
import org.openqa.selenium.chrome.ChromeDriver;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The page in a real browser: it works, it stays inside, it can be used without a mouse and without sight. */
class PageInBrowserTest {
    private static final int PHONE = 390;
    private static final int DESKTOP = 1280;
    private static final String HOSTILE =
            "</pre></script><script>window.broken = 1</script><img src=x onerror='window.broken = 2'>&amp; \u0000\u001b[31m";

    private static Browser browser;

    @TempDir
    Path directory;

    @BeforeAll
    static void open() throws IOException {
        browser = Browser.open();
    }

    @AfterAll
    static void close() throws IOException {
        if (browser != null) {
            browser.close();
        }
    }

    private Path page(RunDocument... runs) throws IOException {
        for (RunDocument run : runs) {
            RunDocuments.write(run, directory.resolve(run.name()), 1);
        }
        return Report.make(directory).page();
    }

    /** Long names, other scripts, hostile output, every outcome and every kind of difference. */
    private Path richPage() throws IOException {
        page(SampleRuns.run("FULL", List.of(SampleRuns.passed("reads"), SampleRuns.passed("gone"))));
        List<TestEntry> full = new ArrayList<>();
        List<TestEntry> para = new ArrayList<>();
        full.add(SampleRuns.passed("reads"));
        para.add(SampleRuns.failed("reads", "org.opentest4j.AssertionFailedError", HOSTILE));
        full.add(SampleRuns.printing("prints", "vendor GenuineIntel\nhypervisor none\nmemory 1 GiB\n" + HOSTILE));
        para.add(SampleRuns.printing("prints", "vendor GenuineIntel\nhypervisor XenVMMXenVMM\nmemory 1 GiB\n"));
        for (List<TestEntry> list : List.of(full, para)) {
            list.add(named("a".repeat(300)));
            list.add(
                    named(
                            "\u65e5\u672c\u8a9e\u306e\u30c6\u30b9\u30c8 \u0639\u0631\u0628\u064a \u05e2\u05d1\u05e8\u05d9\u05ea \uD83D\uDE00 Gr\u00f6\u00dfe"));
            list.add(named("<b>bold</b> & \"quoted\" " + HOSTILE));
            list.add(SampleRuns.test("skipped", Outcome.SKIPPED, null, ""));
            list.add(SampleRuns.test("aborted", Outcome.ABORTED, null, ""));
            list.add(SampleRuns.test(
                    "broken",
                    Outcome.FAILED,
                    new Failure(
                            "java.lang.IllegalStateException", HOSTILE, HOSTILE + "\n\tat a.B.c(B.java:1)", null, null),
                    HOSTILE));
            list.add(SampleRuns.test("cut", Outcome.UNFINISHED, null, ""));
        }
        return page(
                SampleRuns.run("FULL", SampleRuns.CLASS, "2026-02-02T03:04:05Z", full),
                SampleRuns.run("PARA", SampleRuns.CLASS, "2026-02-02T03:04:35Z", para),
                SampleRuns.notStarted("HW", "technique HW cannot run here: neither vmx nor svm among the CPU's flags"));
    }

    private static TestEntry named(String name) {
        TestEntry t = SampleRuns.passed(Integer.toHexString(name.hashCode()));
        return new TestEntry(t.id(), t.parent(), name, true, t.outcome(), t.nanos(), null, null, null, null);
    }

    @Test
    void outputOfGuestsIsShownAndNeverObeyed() throws IOException {
        Path page = richPage();
        ChromeDriver driver = browser.show(page, DESKTOP, false);
        assertEquals(null, driver.executeScript("return window.broken"));
        assertEquals(0L, driver.executeScript("return document.images.length"));
        assertEquals(0L, driver.executeScript("return document.querySelectorAll('.name b').length"));
        assertTrue(
                driver.findElement(By.id("failures"))
                        .getDomProperty("textContent")
                        .contains("window.broken = 2"),
                "the text itself is there");
        assertEquals(List.of(), browser.complaints());
        assertEquals(
                0L, driver.executeScript("return performance.getEntriesByType('resource').length"), "loads nothing");
    }

    @Test
    void chartsAreDrawnFromTheFiguresOfTheTable() throws IOException {
        Path page = richPage();
        ChromeDriver driver = browser.show(page, DESKTOP, false);
        assertEquals(
                true,
                driver.executeScript("const c = document.getElementById('phase-chart');"
                        + "return c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some(v => v > 0)"));
        assertEquals(
                3.2,
                ((Number) driver.executeScript("return Chart.getChart('phase-chart').data.datasets"
                                + ".reduce((sum, d) => sum + d.data[0], 0)"))
                        .doubleValue(),
                1e-6);
        assertTrue(driver.findElement(By.id("phases")).getText().contains("3.20 s"), "the sum in the table");
    }

    @ParameterizedTest
    @ValueSource(ints = {PHONE, DESKTOP})
    void nothingSticksOutAtAnyWidth(int width) throws IOException {
        Path page = richPage();
        for (boolean dark : new boolean[] {false, true}) {
            ChromeDriver driver = browser.show(page, width, dark);
            assertEquals(dark, driver.executeScript("return matchMedia('(prefers-color-scheme: dark)').matches"));
            long over = (Long) driver.executeScript(
                    "return document.documentElement.scrollWidth - document.documentElement.clientWidth");
            assertEquals(0, over, "pixels that the page is wider than the window");
            driver.executeScript("document.querySelectorAll('details').forEach(d => d.open = true)");
            browser.picture(dark ? "rich-dark" : "rich-light", width);
        }
    }

    /** By the rules of WCAG 2.1 A and AA, as far as a machine can judge them, in both colour schemes. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void anAccessibilityCheckerFindsNothing(boolean dark) throws IOException {
        Path page = richPage();
        ChromeDriver driver = browser.show(page, DESKTOP, dark);
        driver.executeScript("document.querySelectorAll('details').forEach(d => d.open = true)");
        driver.executeScript(axe());
        Object violations = driver.executeAsyncScript("const done = arguments[arguments.length - 1];"
                + "axe.run(document, {resultTypes: ['violations']}).then(r => done(r.violations.map(v =>"
                + " v.id + ': ' + v.nodes.slice(0, 3).map(n => n.target + ' ' + n.failureSummary).join(' | '))),"
                + " e => done(['axe failed: ' + e]))");
        assertEquals(List.of(), violations);
    }

    @Test
    void itCanBeUsedWithTheKeyboardAlone() throws IOException {
        Path page = richPage();
        ChromeDriver driver = browser.show(page, DESKTOP, false);
        driver.findElement(By.tagName("body")).sendKeys(Keys.TAB);
        WebElement skip = driver.switchTo().activeElement();
        assertEquals("Skip to the results", skip.getText());
        skip.sendKeys(Keys.ENTER);
        assertEquals("main", driver.switchTo().activeElement().getDomAttribute("id"));

        WebElement filter = driver.findElement(By.id("filter"));
        filter.sendKeys("READS");
        assertEquals("1 of 9 tests", driver.findElement(By.id("shown")).getText());
        filter.clear();
        filter.sendKeys(" ");
        driver.findElement(By.id("only-bad")).sendKeys(Keys.SPACE);
        assertTrue(driver.findElement(By.id("shown")).getText().endsWith("of 9 tests"));

        WebElement summary = driver.findElement(By.cssSelector("#failures summary"));
        summary.sendKeys(Keys.ENTER);
        assertNotNull(summary.findElement(By.xpath("..")).getDomAttribute("open"));
    }

    @Test
    void theWorstComesFirst() throws IOException {
        Path page = richPage();
        ChromeDriver driver = browser.show(page, DESKTOP, false);
        List<String> kinds = driver.findElements(By.cssSelector("#differences .kind")).stream()
                .map(WebElement::getText)
                .toList();
        assertEquals(List.of("run", "outcome", "output"), kinds);
        List<String> sections = driver.findElements(By.cssSelector("main > section")).stream()
                .map(s -> s.getDomAttribute("id"))
                .toList();
        assertEquals(
                List.of(
                        "summary",
                        "differences",
                        "changes",
                        "tests",
                        "failures",
                        "phases",
                        "engine",
                        "runs",
                        "machines"),
                sections);
    }

    @Test
    void noTestAtAll() throws IOException {
        Path page = page();
        ChromeDriver driver = browser.show(page, DESKTOP, false);
        assertTrue(driver.findElement(By.id("main")).getText().contains("No test has run in a guest"));
        assertEquals(List.of(), browser.complaints());
        browser.picture("none", DESKTOP);
    }

    @Test
    void oneTest() throws IOException {
        Path page = page(SampleRuns.run("FULL", List.of(SampleRuns.passed("only"))));
        ChromeDriver driver = browser.show(page, PHONE, false);
        assertEquals(
                List.of("only()"),
                driver.findElements(By.cssSelector(".matrix .test th")).stream()
                        .map(WebElement::getText)
                        .toList());
        assertTrue(driver.findElement(By.id("differences")).getText().contains("Only one technique ran"));
        assertEquals(List.of(), browser.complaints());
        browser.picture("one", PHONE);
    }

    @Test
    void threeThousandTests() throws IOException {
        List<TestEntry> full = new ArrayList<>();
        List<TestEntry> para = new ArrayList<>();
        for (int i = 0; i < 3_000; i++) {
            full.add(SampleRuns.printing("test" + i, "line\n".repeat(20)));
            para.add(
                    i % 10 == 0
                            ? SampleRuns.failed("test" + i, "java.lang.AssertionError", "number " + i)
                            : SampleRuns.printing("test" + i, "line\n".repeat(20)));
        }
        Path page = page(SampleRuns.run("FULL", full), SampleRuns.run("PARA", para));
        assertTrue(Files.size(page) < 4L << 20, Files.size(page) + " bytes");
        ChromeDriver driver = browser.show(page, DESKTOP, false);
        assertEquals(3_000, driver.findElements(By.cssSelector(".matrix .test")).size());
        assertTrue(driver.findElement(By.id("differences")).getText().contains("100 differences more are in the JSON"));
        driver.findElement(By.id("filter")).sendKeys("test2999");
        assertEquals("1 of 3000 tests", driver.findElement(By.id("shown")).getText());
        browser.picture("many", DESKTOP);
    }

    private static String axe() throws IOException {
        Properties pom = new Properties();
        try (InputStream in = PageInBrowserTest.class.getResourceAsStream(
                "/META-INF/maven/org.webjars.npm/axe-core/pom.properties")) {
            pom.load(in);
        }
        try (InputStream in = PageInBrowserTest.class.getResourceAsStream(
                "/META-INF/resources/webjars/axe-core/" + pom.getProperty("version") + "/axe.min.js")) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
    }
}
