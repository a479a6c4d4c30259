TITLE Muscarinic potassium current (M current)

COMMENT
Adams PR, Brown DA, Constanti A (1982) M-currents and other potassium currents in bullfrog sympathetic
neurones. J Physiol 330:537-572; rates as given in Hay E et al. (2011) PLoS Comput Biol 7:e1002107 (Im).
Rates were measured near 21 degC and are scaled to celsius with Q10 = 2.3.
ENDCOMMENT

NEURON {
    SUFFIX ss_im
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
    celsius (degC)
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
    ik = gbar * m * (v - ek)
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
    LOCAL q, a, b
    TABLE minf, mtau DEPEND celsius FROM -120 TO 80 WITH 800
    q = 2.3 ^ ((celsius - 21) / 10)
    a = 3.3e-3 * exp(0.1 * (vm + 35))
    b = 3.3e-3 * exp(-0.1 * (vm + 35))
    minf = a / (a + b)
    mtau = 1 / (a + b) / q
}
