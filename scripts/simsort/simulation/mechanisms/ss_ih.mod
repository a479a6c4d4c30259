TITLE Hyperpolarisation-activated cation current

COMMENT
Kole MHP, Hallermann S, Stuart GJ (2006) Single Ih channels in pyramidal neuron dendrites: properties,
distribution, and impact on action potential output. J Neurosci 26:1677-1687.
Measured near 34 degC: not scaled.
ENDCOMMENT

NEURON {
    SUFFIX ss_ih
    NONSPECIFIC_CURRENT ihcn
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
    ehcn = -45 (mV)
}

ASSIGNED {
    ihcn (mA/cm2)
    minf (1)
    mtau (ms)
}

STATE { m }

BREAKPOINT {
    SOLVE states METHOD cnexp
    ihcn = gbar * m * (v - ehcn)
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
    a = 0.00643 * linoid(-vm - 154.9, 11.9)
    b = 0.193 * exp(vm / 33.1)
    minf = a / (a + b)
    mtau = 1 / (a + b)
}

FUNCTION linoid(x, y) {
    : x / (1 - exp(-x / y)), continued through x = 0
    if (fabs(x / y) < 1e-6) {
        linoid = y * (1 + x / y / 2)
    } else {
        linoid = x / (1 - exp(-x / y))
    }
}
