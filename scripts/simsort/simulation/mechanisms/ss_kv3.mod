TITLE Fast delayed rectifier potassium current (Kv3)

COMMENT
Rettig J et al. (1992) Characterization of a Shaw-related potassium channel family in rat brain. EMBO J
11:2473-2486; curves as given in Hay E et al. (2011) PLoS Comput Biol 7:e1002107 (SKv3_1).
Those measurements were made at room temperature: the time constant is scaled to celsius with Q10 = 2.3 here
(unscaled, spikes at 37 degC come out about twice as wide as recorded ones).
ENDCOMMENT

NEURON {
    SUFFIX ss_kv3
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
    LOCAL q
    TABLE minf, mtau DEPEND celsius FROM -120 TO 80 WITH 800
    q = 2.3 ^ ((celsius - 21) / 10)
    minf = 1 / (1 + exp(-(vm - 18.7) / 9.7))
    mtau = 4 / (1 + exp(-(vm + 46.56) / 44.14)) / q
}
