package dev.runinvm.agent;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.core.domain.properties.HasName.Predicates.nameMatching;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

/** Who in the agent may know whom: its own code knows no JUnit, what meets the tests' JUnit knows nothing of the agent. */
@AnalyzeClasses(packages = "dev.runinvm.agent", importOptions = ImportOption.DoNotIncludeTests.class)
class AgentLayeringTest {
    private static final String WARM_UP_TESTS = "dev\\.runinvm\\.agent\\.rehearsal\\..*";

    @ArchTest
    static final ArchRule JUNIT_IS_THE_BRIDGES_ALONE = noClasses()
            .that()
            .resideOutsideOfPackages("dev.runinvm.agent.bridge..", "dev.runinvm.agent.rehearsal..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("org.junit..", "org.opentest4j..");

    /** It is defined by the tests' class loader, which has neither the agent nor its libraries. */
    @ArchTest
    static final ArchRule THE_BRIDGE_KNOWS_THE_BORDER_AND_JUNIT = classes()
            .that()
            .resideInAPackage("dev.runinvm.agent.bridge..")
            .should()
            .onlyDependOnClassesThat()
            .resideInAnyPackage(
                    "dev.runinvm.agent.bridge..",
                    "dev.runinvm.agent.spi..",
                    "org.junit.platform..",
                    "org.jspecify..",
                    "java..");

    /** They are tests like a user's: of Jupiter, and of nothing else. */
    @ArchTest
    static final ArchRule THE_TESTS_THAT_WARM_UP_ARE_JUPITERS = classes()
            .that()
            .haveNameMatching(WARM_UP_TESTS)
            .should()
            .onlyDependOnClassesThat(resideInAnyPackage("org.junit.jupiter..", "org.jspecify..", "java..")
                    .or(nameMatching(WARM_UP_TESTS)));

    @ArchTest
    static final ArchRule THE_BORDER_IS_MADE_OF_THE_JDK = classes()
            .that()
            .resideInAPackage("dev.runinvm.agent.spi..")
            .should()
            .onlyDependOnClassesThat()
            .resideInAnyPackage("dev.runinvm.agent.spi..", "org.jspecify..", "java..");

    @ArchTest
    static final ArchRule NOTHING_OF_THE_HOSTS = noClasses()
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("dev.runinvm.engine..", "dev.runinvm.junit..", "dev.runinvm.client..");
}
