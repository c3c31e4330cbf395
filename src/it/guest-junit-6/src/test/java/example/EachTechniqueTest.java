package example;

import dev.runinvm.engine.Technique;
import dev.runinvm.junit.RunInVM;
import org.junit.jupiter.api.ClassTemplate;
import org.junit.jupiter.api.Test;

@ClassTemplate
@RunInVM(
        technique = {Technique.FULL, Technique.HW},
        disabledWithout = true)
class EachTechniqueTest {
    @Test
    void saysWhere() {
        System.out.println("technique " + System.getProperty("runinvm.technique"));
    }
}
