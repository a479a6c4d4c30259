"""CEED: contrastive embeddings of spikes that stay put under what changes between spikes of one neuron.

Vishnubhotla, Loh, Paninski, Srivastava & Hurwitz 2023, "Towards robust and generalizable representations of
extracellular data using contrastive learning", NeurIPS.
"""
