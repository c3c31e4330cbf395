package dev.runinvm.maven;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

@AnalyzeClasses(packages = "dev.runinvm.maven", importOptions = ImportOption.DoNotIncludeTests.class)
class PluginLayeringTest {
    @ArchTest
    static final ArchRule THE_ENGINES_FACADE_AND_IMAGES_ONLY = noClasses()
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(
                    "dev.runinvm.engine.os..",
                    "dev.runinvm.engine.machine..",
                    "dev.runinvm.engine.x86..",
                    "dev.runinvm.engine.direct..",
                    "dev.runinvm.engine.translate..",
                    "dev.runinvm.engine.full..",
                    "dev.runinvm.engine.para..",
                    "dev.runinvm.engine.hw..",
                    "dev.runinvm.engine.boot..",
                    "dev.runinvm.engine.channel..",
                    "com.sun.jna..");
}
