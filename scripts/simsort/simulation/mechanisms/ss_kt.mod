TITLE Transient potassium current

COMMENT
Korngreen A, Sakmann B (2000) Voltage-gated K+ channels in layer 5 neocortical pyramidal neurones from young
rats: subtypes and gradients. J Physiol 525:621-639; junction potential of 10 mV as in Hay E et al. (2011)
PLoS Comput Biol 7:e1002107 (K_Tst).
Rates were measured near 21 degC and are scaled to celsius with Q10 = 2.3.
ENDCOMMENT

NEURON {
    SUFFIX ss_kt
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
    hinf (1)
    htau (ms)
}

STATE { m h }

BREAKPOINT {
    SOLVE states METHOD cnexp
    ik = gbar * m * m * m * m * h * (v - ek)
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
    LOCAL q, u
    TABLE minf, mtau, hinf, htau DEPEND celsius FROM -120 TO 80 WITH 800
    q = 2.3 ^ ((celsius - 21) / 10)
    u = vm + 10
    minf = 1 / (1 + exp(-u / 19))
    mtau = (0.34 + 0.92 * exp(-((u + 71) / 59) ^ 2)) / q
    hinf = 1 / (1 + exp((u + 66) / 10))
    htau = (8 + 49 * exp(-((u + 73) / 23) ^ 2)) / q
}
