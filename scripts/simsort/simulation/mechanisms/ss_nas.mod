TITLE Transient sodium current of soma and dendrites

COMMENT
Colbert CM, Pan E (2002) Ion channel properties underlying axonal action potential initiation in pyramidal
neurons. Nat Neurosci 5:533-538; rates as given in Hay E, Hill S, Schurmann F, Markram H, Segev I (2011)
PLoS Comput Biol 7:e1002107 (NaTs2_t).
Rates were measured near 21 degC and are scaled to celsius with Q10 = 2.3.
ENDCOMMENT

NEURON {
    SUFFIX ss_nas
    USEION na READ ena WRITE ina
    RANGE gbar
}

UNITS {
    (mV) = (millivolt)
    (mA) = (milliamp)
    (S) = (siemens)
}

PARAMETER {
    gbar = 0 (S/cm2)
    celsius (degC)
    v (mV)
}

ASSIGNED {
    ena (mV)
    ina (mA/cm2)
    minf (1)
    mtau (ms)
    hinf (1)
    htau (ms)
}

STATE { m h }

BREAKPOINT {
    SOLVE states METHOD cnexp
    ina = gbar * m * m * m * h * (v - ena)
}

INITIAL {
    rates(v)
    m = minf
    h = hinf
}

DERIVATIVE states {
    rates(v)
    m' = (minf - m) / mtau
    h' = (hinf - h) / htau
}

PROCEDURE rates(vm (mV)) {
    LOCAL q, a, b
    TABLE minf, mtau, hinf, htau DEPEND celsius FROM -120 TO 80 WITH 800
    q = 2.3 ^ ((celsius - 21) / 10)
    a = 0.182 * linoid(vm + 32, 6)
    b = 0.124 * linoid(-vm - 32, 6)
    minf = a / (a + b)
    mtau = 1 / (a + b) / q
    a = 0.015 * linoid(-vm - 60, 6)
    b = 0.015 * linoid(vm + 60, 6)
    hinf = a / (a + b)
    htau = 1 / (a + b) / q
}

FUNCTION linoid(x, y) {
    : x / (1 - exp(-x / y)), continued through x = 0
    if (fabs(x / y) < 1e-6) {
        linoid = y * (1 + x / y / 2)
    } else {
        linoid = x / (1 - exp(-x / y))
    }
}
