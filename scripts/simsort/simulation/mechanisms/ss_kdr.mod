TITLE Fast delayed rectifier potassium current of fast-spiking cells

COMMENT
Wang XJ, Buzsaki G (1996) Gamma oscillation by synaptic inhibition in a hippocampal interneuronal network model.
J Neurosci 16:6402-6413; with their speed factor of 5, which stands for body temperature.
ENDCOMMENT

NEURON {
    SUFFIX ss_kdr
    USEION k READ ek WRITE ik
    RANGE gbar
}

UNITS {
    (mV) = (millivolt)
    (mA) = (milliamp)
    (S) = (siemens)
}

PARAMETER {
    gbar = 0 (S/cm2)
    v (mV)
}

ASSIGNED {
    ek (mV)
    ik (mA/cm2)
    minf (1)
    mtau (ms)
}

STATE { m }

BREAKPOINT {
    SOLVE states METHOD cnexp
    ik = gbar * m * m * m * m * (v - ek)
}

INITIAL {
    rates(v)
    m = minf
}

DERIVATIVE states {
    rates(v)
    m' = (minf - m) / mtau
}

PROCEDURE rates(vm (mV)) {
    LOCAL a, b
    TABLE minf, mtau FROM -120 TO 80 WITH 800
    a = 0.01 * linoid(vm + 34, 10)
    b = 0.125 * exp(-(vm + 44) / 80)
    minf = a / (a + b)
    mtau = 1 / (a + b) / 5
}

FUNCTION linoid(x, y) {
    : x / (1 - exp(-x / y)), continued through x = 0
    if (fabs(x / y) < 1e-6) {
        linoid = y * (1 + x / y / 2)
    } else {
        linoid = x / (1 - exp(-x / y))
    }
}
