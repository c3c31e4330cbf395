package dev.runinvm.junit.jupiter;

import dev.runinvm.junit.RunInVM;
import java.util.Collection;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.TestTemplate;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.extension.Extension;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;
import org.junit.jupiter.api.extension.TestTemplateInvocationContext;
import org.junit.jupiter.api.extension.TestTemplateInvocationContextProvider;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.DynamicContainer.dynamicContainer;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

/** Repetitions, templates of the user's, factories. */
@RunInVM
@TestMethodOrder(MethodOrderer.MethodName.class)
public class Templates {
    @RepeatedTest(value = 3, name = "{displayName} {currentRepetition} of {totalRepetitions}")
    void repeats(RepetitionInfo info) {
        System.out.println("repetition " + info.getCurrentRepetition());
        assertTrue(info.getCurrentRepetition() != 2, "the second fails");
    }

    @TestTemplate
    @ExtendWith(Words.class)
    void words(String word) {
        System.out.println(word);
    }

    /** Invocations with a parameter each. */
    public static final class Words implements TestTemplateInvocationContextProvider {
        @Override
        public boolean supportsTestTemplate(ExtensionContext context) {
            return true;
        }

        @Override
        public Stream<TestTemplateInvocationContext> provideTestTemplateInvocationContexts(ExtensionContext context) {
            return Stream.of("alpha", "beta").map(Words::invocation);
        }

        private static TestTemplateInvocationContext invocation(String word) {
            return new TestTemplateInvocationContext() {
                @Override
                public String getDisplayName(int index) {
                    return index + ": " + word;
                }

                @Override
                public List<Extension> getAdditionalExtensions() {
                    return List.of(new Resolver(word));
                }
            };
        }
    }

    private record Resolver(String word) implements ParameterResolver {
        @Override
        public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
            return parameter.getParameter().getType() == String.class;
        }

        @Override
        public Object resolveParameter(ParameterContext parameter, ExtensionContext context) {
            return word;
        }
    }

    @TestFactory
    Stream<DynamicNode> factory() {
        return IntStream.range(0, 3)
                .mapToObj(n -> dynamicContainer(
                        "group " + n,
                        Stream.of(
                                dynamicTest("same name", () -> System.out.println("ran " + n)),
                                dynamicTest("same name", () -> assertTrue(n != 1, "group one fails")),
                                dynamicContainer("empty", List.of()),
                                dynamicContainer(
                                        "deeper",
                                        List.of(dynamicTest("deep", () -> System.out.println("deep " + n)))))));
    }

    @TestFactory
    DynamicNode oneNode() {
        return dynamicTest("single", () -> System.out.println("single"));
    }

    @TestFactory
    Collection<DynamicNode> nothing() {
        return List.of();
    }
}
