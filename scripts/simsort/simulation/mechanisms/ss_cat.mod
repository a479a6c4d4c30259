TITLE Low-threshold calcium current

COMMENT
Huguenard JR, McCormick DA (1992) Simulation of the currents involved in rhythmic oscillations in thalamic
relay neurons. J Neurophysiol 68:1373-1383; curves as given in Destexhe A, Contreras D, Steriade M, Sejnowski
TJ, Huguenard JR (1996) In vivo, in vitro, and computational analysis of dendritic calcium currents in thalamic
reticular neurons. J Neurosci 16:169-185 and companion papers.
An ohmic current towards a fixed eca; measured near 24 degC, scaled with Q10 = 3; the activation follows at
1 ms at 24 degC.
ENDCOMMENT

NEURON {
    SUFFIX ss_cat
    USEION ca READ eca WRITE ica
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
    eca (mV)
    ica (mA/cm2)
    minf (1)
    mtau (ms)
    hinf (1)
    htau (ms)
}

STATE { m h }

BREAKPOINT {
    SOLVE states METHOD cnexp
    ica = gbar * m * m * h * (v - eca)
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
    LOCAL q
    TABLE minf, mtau, hinf, htau DEPEND celsius FROM -120 TO 80 WITH 800
    q = 3 ^ ((celsius - 24) / 10)
    minf = 1 / (1 + exp(-(vm + 57) / 6.2))
    mtau = 1 / q
    hinf = 1 / (1 + exp((vm + 81) / 4))
    htau = (30.8 + (211.4 + exp((vm + 113.2) / 5)) / (1 + exp((vm + 84) / 3.2))) / q
}
