package dev.runinvm.engine;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import dev.runinvm.engine.x86.AddressSpaceListener;
import dev.runinvm.engine.x86.Cpu;
import dev.runinvm.engine.x86.CpuException;
import dev.runinvm.engine.x86.CpuState;
import dev.runinvm.engine.x86.CpuidScan;
import dev.runinvm.engine.x86.HostCpuid;
import dev.runinvm.engine.x86.Mmu;
import dev.runinvm.engine.x86.PageWalker;
import dev.runinvm.engine.x86.VectorInsn;
import dev.runinvm.engine.x86.VectorUnit;
import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.belongTo;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

/** Who may know whom inside the engine; docs/architecture.md says why. */
@AnalyzeClasses(packages = "dev.runinvm.engine", importOptions = ImportOption.DoNotIncludeTests.class)
class LayeringTest {
    private static final String ENGINE = "dev.runinvm.engine.";
    private static final String[] TECHNIQUES = in("full", "para", "hw");

    @ArchTest
    static final ArchRule NOTHING_OF_JUNIT_OR_MAVEN = noClasses()
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("org.junit..", "org.apache.maven..", "org.opentest4j..");

    @ArchTest
    static final ArchRule JNA_STAYS_IN_OS = noClasses()
            .that()
            .resideOutsideOfPackage(ENGINE + "os..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("com.sun.jna..");

    @ArchTest
    static final ArchRule OS_KNOWS_NO_OTHER_PACKAGE = noClasses()
            .that()
            .resideInAPackage(ENGINE + "os..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(
                    in("x86", "machine", "direct", "translate", "full", "para", "hw", "boot", "image", "channel"));

    @ArchTest
    static final ArchRule MACHINE_KNOWS_NO_CPU = noClasses()
            .that()
            .resideInAPackage(ENGINE + "machine..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(in("x86", "direct", "translate", "full", "para", "hw", "boot", "image"));

    @ArchTest
    static final ArchRule CPU_KNOWS_NO_TECHNIQUE = noClasses()
            .that()
            .resideInAPackage(ENGINE + "x86..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(in("direct", "translate", "full", "para", "hw", "boot", "image", "channel", "os"));

    /** Direct execution moves registers, walks page tables, hears of flushes and asks where CPUID is; it never decodes or interprets. */
    @ArchTest
    static final ArchRule DIRECT_KNOWS_OF_THE_CPU_ONLY_STATE_AND_WALKER = noClasses()
            .that()
            .resideInAPackage(ENGINE + "direct..")
            .should()
            .dependOnClassesThat(resideInAPackage(ENGINE + "x86..")
                    .and(not(belongTo(oneOf(
                            CpuState.class,
                            PageWalker.class,
                            CpuException.class,
                            AddressSpaceListener.class,
                            HostCpuid.class,
                            CpuidScan.class,
                            VectorUnit.class,
                            VectorInsn.class,
                            Cpu.class,
                            Mmu.class)))))
            .orShould()
            .dependOnClassesThat()
            .resideInAnyPackage(in("translate", "full", "para", "hw", "boot", "image", "channel"));

    @ArchTest
    static final ArchRule KERNELS_AND_IMAGES_KNOW_NO_MACHINERY = noClasses()
            .that()
            .resideInAnyPackage(in("boot", "image"))
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(in("direct", "translate", "full", "para", "hw", "channel"));

    @ArchTest
    static final ArchRule ONLY_THE_FACADE_KNOWS_A_TECHNIQUE = noClasses()
            .that()
            .resideOutsideOfPackages(TECHNIQUES)
            .and()
            .resideOutsideOfPackage("dev.runinvm.engine")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(TECHNIQUES);

    @ArchTest
    static final ArchRule TECHNIQUES_DO_NOT_KNOW_EACH_OTHER =
            slices().matching("dev.runinvm.engine.(full|para|hw)..").should().notDependOnEachOther();

    @ArchTest
    static final ArchRule NO_CYCLES =
            slices().matching("dev.runinvm.engine.(*)..").should().beFreeOfCycles();

    private static String[] in(String... names) {
        String[] packages = new String[names.length];
        for (int i = 0; i < names.length; i++) {
            packages[i] = ENGINE + names[i] + "..";
        }
        return packages;
    }

    private static DescribedPredicate<JavaClass> oneOf(Class<?>... classes) {
        return DescribedPredicate.describe("the CPU's state and walker", c -> {
            for (Class<?> one : classes) {
                if (c.isEquivalentTo(one)) {
                    return true;
                }
            }
            return false;
        });
    }
}
