TITLE Persistent sodium current

COMMENT
Magistretti J, Alonso A (1999) Biophysical properties and slow voltage-dependent inactivation of a sustained
sodium current in entorhinal cortex layer-II principal neurons. J Gen Physiol 114:491-509; curves as given in
Hay E et al. (2011) PLoS Comput Biol 7:e1002107 (Nap_Et2).
Rates were measured near 21 degC and are scaled to celsius with Q10 = 2.3.
ENDCOMMENT

NEURON {
    SUFFIX ss_nap
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
    minf = 1 / (1 + exp(-(vm + 52.6) / 4.6))
    a = 0.182 * linoid(vm + 38, 6)
    b = 0.124 * linoid(-vm - 38, 6)
    mtau = 6 / (a + b) / q
    hinf = 1 / (1 + exp((vm + 48.8) / 10))
    a = 2.88e-6 * linoid(-vm - 17, 4.63)
    b = 6.94e-6 * linoid(vm + 64.4, 2.63)
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
