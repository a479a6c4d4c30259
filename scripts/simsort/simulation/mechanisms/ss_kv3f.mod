TITLE Fast high-threshold potassium current of fast-spiking cells (Kv3)

COMMENT
Martina M, Metz AE, Bean BP (2007) Voltage-dependent potassium currents during fast spikes of rat cerebellar
Purkinje neurons: inhibition by BDS-I toxin. J Neurophysiol 97:563-571; rates fitted by Akemann W, Lundby A,
Mutoh H, Knopfel T (2009) Biophys J 96:3959-3976.
Measured at 22 degC, scaled to celsius with their Q10 = 2.7.
ENDCOMMENT

NEURON {
    SUFFIX ss_kv3f
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
    LOCAL q, a, b
    TABLE minf, mtau DEPEND celsius FROM -120 TO 80 WITH 800
    q = 2.7 ^ ((celsius - 22) / 10)
    a = 0.22 * exp((vm + 16) / 26.5)
    b = 0.22 * exp(-(vm + 16) / 26.5)
    minf = a / (a + b)
    mtau = 1 / (a + b) / q
}
