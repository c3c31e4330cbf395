package dev.runinvm.report;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

/** What the report may know; docs/architecture.md says why. */
@AnalyzeClasses(packages = "dev.runinvm.report", importOptions = ImportOption.DoNotIncludeTests.class)
class ReportLayeringTest {
    @ArchTest
    static final ArchRule NOTHING_OF_THE_ENGINE_JUNIT_OR_MAVEN = noClasses()
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(
                    "dev.runinvm.engine..",
                    "dev.runinvm.wire..",
                    "dev.runinvm.junit..",
                    "dev.runinvm.maven..",
                    "org.junit..",
                    "org.apache.maven..");
}
