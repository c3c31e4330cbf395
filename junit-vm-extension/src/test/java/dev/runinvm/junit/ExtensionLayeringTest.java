package dev.runinvm.junit;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import java.util.Set;
import static com.tngtech.archunit.base.DescribedPredicate.describe;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

/** What the extension may know, and what of it users see. */
@AnalyzeClasses(packages = "dev.runinvm.junit", importOptions = ImportOption.DoNotIncludeTests.class)
class ExtensionLayeringTest {
    @ArchTest
    static final ArchRule OF_THE_ENGINE_ITS_FACADE_ALONE =
            noClasses().should().dependOnClassesThat().resideInAPackage("dev.runinvm.engine.*..");

    /** The agent is a file to the extension; what a test says to the host goes over the border's one class. */
    @ArchTest
    static final ArchRule OF_THE_AGENT_THE_BORDER_ALONE = noClasses()
            .should()
            .dependOnClassesThat(describe(
                    "the agent's own",
                    (JavaClass c) -> c.getPackageName().startsWith("dev.runinvm.agent")
                            && !c.getPackageName().equals("dev.runinvm.agent.spi")));

    @ArchTest
    static final ArchRule NEITHER_MAVEN_NOR_JUNITS_INSIDES = noClasses()
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(
                    "dev.runinvm.maven..", "org.apache.maven..", "org.junit.jupiter.engine..", "com.sun.jna..");

    /** What users write, and what JUnit's service loader must be able to make. */
    private static final Set<String> PUBLIC = Set.of(
            "Isolation",
            "RunInVM",
            "RunInVMExtension",
            "ReportAtEnd",
            "Guest",
            "GuestFiles",
            "GuestParameter",
            "TechniqueTemplates",
            "TemplateNodes",
            "Plans");

    @ArchTest
    static final ArchRule THE_REST_IS_PACKAGE_PRIVATE = classes()
            .that(describe("not for users", (JavaClass c) -> !PUBLIC.contains(c.getSimpleName())))
            .and()
            .areTopLevelClasses()
            .should()
            .notBePublic();
}
