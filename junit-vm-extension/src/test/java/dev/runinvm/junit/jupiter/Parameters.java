package dev.runinvm.junit.jupiter;

import dev.runinvm.junit.RunInVM;
import java.time.LocalDate;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.converter.ConvertWith;
import org.junit.jupiter.params.converter.SimpleArgumentConverter;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.ArgumentsProvider;
import org.junit.jupiter.params.provider.ArgumentsSource;
import org.junit.jupiter.params.provider.CsvFileSource;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.FieldSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.NullAndEmptySource;
import org.junit.jupiter.params.provider.ValueSource;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Every source of arguments. */
@RunInVM
@TestMethodOrder(MethodOrderer.MethodName.class)
public class Parameters {
    static final List<String> FIELD = List.of("one", "two");

    static Stream<Arguments> some() {
        return Stream.of(
                Arguments.of(1, Named.of("a name", new Object())),
                Arguments.of(2, (Supplier<String>) () -> "a lambda, which nobody can serialise"),
                Arguments.argumentSet("a set", 3, new Thread("never started")));
    }

    @ParameterizedTest
    @ValueSource(strings = {"same", "same", "same"})
    void duplicates(String value) {
        System.out.println(value);
    }

    @ParameterizedTest(name = "called {0}")
    @EnumSource(value = TimeUnit.class, mode = EnumSource.Mode.MATCH_ALL, names = ".*SECONDS")
    void enums(TimeUnit unit) {
        assertTrue(unit != TimeUnit.MILLISECONDS, "no milliseconds");
    }

    @ParameterizedTest
    @CsvSource(quoteCharacter = '"', textBlock = """
                    2024-02-29, 366, "a, b"
                    2023-02-28, 365,
                    """)
    void csv(LocalDate date, int days, String text) {
        System.out.println(date + " " + days + " " + text);
    }

    @ParameterizedTest
    @CsvFileSource(resources = "/some.csv", numLinesToSkip = 1)
    void csvFile(String name, int number) {
        System.out.println(name + " " + number);
    }

    @ParameterizedTest
    @MethodSource("some")
    void methods(int number, Object anything) {
        System.out.println(number);
        assertNotNull(anything);
    }

    @ParameterizedTest
    @FieldSource("FIELD")
    void fields(String value) {
        System.out.println(value);
    }

    @ParameterizedTest
    @NullAndEmptySource
    void nothings(String value) {
        System.out.println(value);
    }

    @ParameterizedTest
    @ArgumentsSource(Own.class)
    void own(@ConvertWith(Twice.class) String value) {
        System.out.println(value);
    }

    /** A source of the user's. */
    public static final class Own implements ArgumentsProvider {
        @Override
        public Stream<? extends Arguments> provideArguments(ExtensionContext context) {
            return Stream.of(Arguments.of("x"), Arguments.of("y"));
        }
    }

    /** A converter of the user's. */
    public static final class Twice extends SimpleArgumentConverter {
        @Override
        protected Object convert(Object source, Class<?> type) {
            return "" + source + source;
        }
    }
}
