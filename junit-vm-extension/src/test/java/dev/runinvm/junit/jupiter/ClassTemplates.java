package dev.runinvm.junit.jupiter;

import dev.runinvm.junit.RunInVM;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.ClassTemplate;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.extension.ClassTemplateInvocationContext;
import org.junit.jupiter.api.extension.ClassTemplateInvocationContextProvider;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.ValueSource;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** A class template of the user's, and parameterized classes in it. */
@ClassTemplate
@ExtendWith(ClassTemplates.Twice.class)
@RunInVM
@TestMethodOrder(MethodOrderer.MethodName.class)
public class ClassTemplates {
    @BeforeAll
    static void once() {
        System.out.println("once");
    }

    @Test
    void test() {
        System.out.println("test");
    }

    @Nested
    @ParameterizedClass
    @ValueSource(ints = {1, 2, 3})
    @TestMethodOrder(MethodOrderer.MethodName.class)
    class Inner {
        @Parameter
        int number;

        @Test
        void isSmall() {
            System.out.println("number " + number);
            assertTrue(number < 3, "not small");
        }

        @Test
        void last() {
            System.out.println("last");
        }
    }

    /** Two invocations. */
    public static final class Twice implements ClassTemplateInvocationContextProvider {
        @Override
        public boolean supportsClassTemplate(ExtensionContext context) {
            return context.getRequiredTestClass() == ClassTemplates.class;
        }

        @Override
        public Stream<ClassTemplateInvocationContext> provideClassTemplateInvocationContexts(ExtensionContext context) {
            return Stream.of(new ClassTemplateInvocationContext() {}, new ClassTemplateInvocationContext() {});
        }
    }
}
